"""Writes glyphs.txt: eigenvalues and eigenvectors of symmetric matrices by numpy, and amplitudes of spherical harmonics by
MRtrix3's sh2amp (3.0 or later, on PATH).

Needs numpy and nibabel:  python3 make_glyphs.py > glyphs.txt"""
import subprocess
import tempfile

import nibabel
import numpy as np

random = np.random.default_rng(4)


def text(values):
    return " ".join("%.17g" % v for v in np.ravel(values))


scales = [1e-3, 1e-3, 1, 1e6]
matrices = [s * (m + m.T) for s, m in zip(scales, random.standard_normal((4, 3, 3)))]
matrices += [np.diag([1.0, 3.0, 2.0]), np.array([[2, 1e-9, 0], [1e-9, 2, 0], [0, 0, 1.0]])]
for m in matrices:
    values, vectors = np.linalg.eigh(m)
    print("tensor", text([m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2]]))
    print("values", text(values[::-1]))
    print("vectors", text(vectors.T[::-1]))

for order in (0, 2, 4, 8):
    coefficients = random.standard_normal(((order + 1) * (order + 2) // 2)).astype("f4")
    directions = random.standard_normal((6, 3))
    directions = np.vstack([directions, np.eye(3), -np.eye(3)])
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    with tempfile.TemporaryDirectory() as folder:
        image = np.zeros((2, 1, 1, len(coefficients)), "f4")
        image[0, 0, 0] = coefficients
        nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), folder + "/sh.nii")
        np.savetxt(folder + "/directions.txt", directions, "%.17g")
        subprocess.run(["sh2amp", "-quiet", "sh.nii", "directions.txt", "amplitudes.nii"], cwd=folder, check=True)
        amplitudes = nibabel.load(folder + "/amplitudes.nii").get_fdata()[0, 0, 0]
    print("harmonics", order, len(directions))
    print("coefficients", text(coefficients))
    print("directions", text(directions))
    print("amplitudes", text(amplitudes))
