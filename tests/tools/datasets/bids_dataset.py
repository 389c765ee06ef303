"""A small BIDS data set, made with nibabel and numpy: bids_dataset.py FOLDER [PARTICIPANTS]
Sidecars and tables stand beside series and above them, texts are in headers, some images are no series."""
import json
import os
import sys

import nibabel
import numpy


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", newline="") as file:
        file.write(content if isinstance(content, str) else json.dumps(content, indent=2) + "\n")


def image(path, shape, dtype, seed, descrip=""):
    rng = numpy.random.default_rng(seed)
    smooth = numpy.add.outer(numpy.hanning(shape[0]), numpy.hanning(shape[1]))
    scale = numpy.linspace(1, 0.3, shape[3]) if len(shape) > 3 else 1.0
    voxels = smooth[(...,) + (None,) * (len(shape) - 2)] * 400 * scale + rng.normal(0, 8, shape)
    made = nibabel.Nifti1Image(voxels.astype(dtype), numpy.diag([2.0, 2.0, 2.5, 1.0]))
    made.header["descrip"] = descrip.encode()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    nibabel.save(made, path)


def table(n):
    directions = numpy.random.default_rng(n).normal(size=(3, n))
    directions /= numpy.linalg.norm(directions, axis=0)
    directions[:, 0] = 0
    bval = " ".join(["0"] + ["1000"] * (n - 1)) + "\n"
    return bval, "".join(" ".join(f"{x:.6g}" for x in row) + "\n" for row in directions)


def main(root, n_participants=3):
    bval, bvec = table(7)
    write(f"{root}/dataset_description.json", {"Name": "Small", "BIDSVersion": "1.8.0", "DatasetType": "raw", "License": "CC0",
                                               "Authors": ["A. Uthor"]})
    write(f"{root}/README", "A small data set.\n")
    write(f"{root}/dwi.json", {"EchoTime": 0.09, "MagneticFieldStrength": 3, "PatientName": "Doe^Jane"})
    write(f"{root}/task-rest_bold.json", '{"TaskName": "rest", "RepetitionTime": 2.50}\n')
    write(f"{root}/participants.tsv", "participant_id\tage\n" + "".join(f"sub-{p:02}\t{20 + p}\n" for p in range(1, n_participants + 1)))
    for p in range(1, n_participants + 1):
        base = f"{root}/sub-{p:02}"
        if p % 3 == 1:  # all beside it
            name = f"{base}/dwi/sub-{p:02}_dwi"
            image(name + ".nii.gz", (24, 20, 5, 7), numpy.int16, p, f"sub-{p:02} Doe")
            write(name + ".bval", bval)
            write(name + ".bvec", bvec)
            write(name + ".json", '{\r\n  "EchoTime": 0.0800,\r\n  "PatientID": "007",\r\n  "Slices": [1, 2.50]\r\n}\r\n')
        elif p % 3 == 2:  # tables above it, a session, a list of scans
            name = f"{base}/ses-1/dwi/sub-{p:02}_ses-1_dir-AP_dwi"
            image(name + ".nii.gz", (20, 24, 4, 7), numpy.float32, p)
            write(f"{base}/sub-{p:02}_dwi.bval", bval)
            write(f"{base}/sub-{p:02}_dwi.bvec", bvec)
            write(f"{base}/ses-1/sub-{p:02}_ses-1_scans.tsv",
                  f"filename\tacq_time\ndwi/sub-{p:02}_ses-1_dir-AP_dwi.nii.gz\t1877-06-15T13:45:30\n")
        else:  # an uncompressed one, and images of other kinds
            name = f"{base}/dwi/sub-{p:02}_dwi"
            image(name + ".nii", (16, 16, 6, 7), numpy.int16, p)
            write(name + ".bval", bval)
            write(name + ".bvec", bvec)
            bold = f"{base}/func/sub-{p:02}_task-rest"
            image(bold + "_bold.nii.gz", (16, 12, 4, 9), numpy.int16, p)
            write(bold + "_events.tsv", "onset\tduration\n1.0\t0.5\n")
            image(f"{base}/anat/sub-{p:02}_T1w.nii.gz", (20, 20, 10), numpy.int16, p)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
