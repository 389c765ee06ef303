"""many_volumes.py IN.nii.gz OUT.nii: a series of 203 volumes, as few public ones have, of two slices of a measured one.

Twelve of the volumes are those without diffusion weighting again; each other is a mixture of three measured ones, with random
weights. What these have beside their twelve strongest principal components counts as noise and is drawn anew."""
import sys

import nibabel
import numpy

N_VOLUMES, N_PLAIN, N_COMPONENTS, SIZE = 203, 12, 12, (64, 40)


def main(source, target):
    random = numpy.random.default_rng(5)
    image = nibabel.load(source)
    data = numpy.asarray(image.dataobj)
    middle = data.shape[2] // 2
    data = data[:, :, middle:middle + 2].astype(float)
    nx, ny, n_slices, n_volumes = data.shape
    made = numpy.zeros((nx, ny, n_slices, N_VOLUMES))
    for z in range(n_slices):
        voxels = data[:, :, z].reshape(-1, n_volumes)
        left, strengths, right = numpy.linalg.svd(voxels, full_matrices=False)
        clean = (left[:, :N_COMPONENTS] * strengths[:N_COMPONENTS]) @ right[:N_COMPONENTS]
        sigma = (voxels - clean).std()
        brightest = numpy.argsort(-voxels.mean(0))
        for t in range(N_VOLUMES):
            weights = numpy.zeros(n_volumes)
            if t < N_PLAIN:
                weights[brightest[t % 2]] = 1
            else:
                three = random.choice(n_volumes, 3, replace=False)
                weights[three] = random.dirichlet([1, 1, 1])
            made[:, :, z, t] = (clean @ weights).reshape(nx, ny) + random.normal(0, sigma, (nx, ny))
    x, y = max((nx - SIZE[0]) // 2, 0), max((ny - SIZE[1]) // 2, 0)
    made = made[x:x + SIZE[0], y:y + SIZE[1]]
    nibabel.save(nibabel.Nifti1Image(numpy.clip(numpy.rint(made), 0, 32767).astype(numpy.int16), image.affine), target)


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
