"""Numbers that the papers print, to stand beside what is computed here.

CMPB: Yoo et al. 2022, doi 10.1016/j.cmpb.2022.107079. Readers: Yoo et al., six physicians beside
the model (preprint).
"""

#: CMPB Table 1: myopathy, neuropathy, normal, total.
TABLE_1 = {
    "subjects": ("19", "19", "19", "57"),
    "recordings": ("122", "160", "94", "376"),
    "proximal / distal": ("64 / 58", "63 / 97", "17 / 77", "144 / 232"),
    "total length, s": ("312.84", "422.78", "203.50", "939.12"),
    "segments": ("2700", "3664", "1706", "8070"),
}

#: CMPB Table 4: subject accuracy in percent, mean ± SD over folds and repeats.
TABLE_4 = {
    "A": ("67.17 ± 10.75", "76.06 ± 4.90", "76.57 ± 10.23"),
    "B": ("73.64 ± 7.27", "81.92 ± 4.83", "83.69 ± 5.28"),
    "C": ("69.95 ± 7.77", "81.26 ± 6.35", "81.87 ± 6.80"),
    "D": ("75.35 ± 6.93", "81.26 ± 6.35", "80.81 ± 5.31"),
}

#: CMPB Table 5: accuracy, F1, precision, recall, AUROC, MCC in percent, subjects, features-PD.
TABLE_5 = {
    "nEMGNet-A": (76.57, 74.67, 79.17, 76.57, 89.43, 68.33),
    "nEMGNet-B": (83.69, 83.59, 87.96, 83.69, 91.45, 77.70),
    "nEMGNet-C": (81.87, 81.61, 85.74, 81.87, 91.21, 74.66),
    "nEMGNet-D": (80.81, 80.56, 86.65, 80.81, 90.53, 74.16),
    "Inception-v4 on plots": (57.47, 51.38, 56.53, 57.47, 78.39, 42.03),
    "ResNet-50 on mel": (73.84, 72.59, 81.94, 73.84, 81.27, 64.76),
    "ResNet-152 on mel": (75.61, 74.90, 81.11, 75.61, 85.30, 65.50),
    "VGG16 on mel": (68.23, 65.47, 66.86, 68.23, 79.85, 55.42),
    "VGG19 on mel": (72.32, 69.66, 74.71, 72.32, 81.10, 62.91),
    "Inception-v3 on mel": (71.92, 70.64, 79.29, 71.92, 83.48, 61.60),
}

#: CMPB Table 6: preprocessing, load, predict, total in seconds for 1614 segments on a V100;
#: elements of the state dict.
TABLE_6 = {
    "nEMGNet-B": (0.01, 0.43, 0.54, 0.99, 33_238_686),
    "Inception-v4 on plots": (68.92, 1.17, 5.32, 75.42, 41_210_744),
    "ResNet-50 on mel": (19.08, 0.61, 1.21, 20.90, 23_567_352),
    "ResNet-152 on mel": (19.20, 1.45, 2.25, 22.92, 58_301_534),
    "VGG16 on mel": (19.61, 2.63, 1.60, 23.87, 134_272_835),
    "VGG19 on mel": (19.53, 2.71, 1.78, 24.04, 139_582_531),
    "Inception-v3 on mel": (19.42, 2.60, 1.38, 23.40, 21_826_241),
}

#: Readers S2: accuracy, sensitivity, specificity, PPV, F1, mean ± SD.
READERS_S2 = {
    "without location": (
        "0.720 ± 0.040", "0.715 ± 0.050", "0.858 ± 0.023", "0.726 ± 0.032", "0.715 ± 0.044",
    ),
    "with location": (
        "0.700 ± 0.053", "0.698 ± 0.048", "0.848 ± 0.026", "0.703 ± 0.058", "0.694 ± 0.049",
    ),
}  # fmt: skip

#: CMPB 3.2, nEMGNet-B: segment accuracy in percent, over all and of each class.
SEGMENTS = {"all": 62.35, "myopathy": 71.58, "neuropathy": 63.20, "normal": 52.26}
