"""A series into an archive and back into Python: python3 archive_as_image.py dwi.nii.gz dwi.siren

Needs nibabel; with DIPY it fits tensors to one slice, which is all that is decoded."""

import sys

import nibabel
import sirencl

source, archive = sys.argv[1:]

# dwi.bval, dwi.bvec and dwi.json beside the series go along. For a smaller archive: ratio=30 or psnr=45.
sirencl.compress(source, archive, lossless=True, force=True)
print(f"{archive}: {sirencl.info(archive).ratio:.2f} times smaller than the voxels")

image = nibabel.load(archive)  # decodes nothing yet
x, y, z = (n // 2 for n in image.shape[:3])
series = image.dataobj[x, y, z]  # (volumes,) of one voxel, scaled
volume = image.dataobj[..., 0]  # (x, y, z)
print(f"voxel {x, y, z}: {len(series)} volumes, mean {series.mean():.1f}; volume 0: mean {volume.mean():.1f}")

try:
    from dipy.core.gradients import gradient_table
    from dipy.reconst.dti import TensorModel
except ImportError:
    print("DIPY is not installed; with it, this would go on to tensors")
    sys.exit()
gradients = gradient_table(image.bvals, bvecs=image.bvecs)
one_slice = image.slicer[:, :, z : z + 1]  # an image of its own, with the affine of that slice
tensors = TensorModel(gradients).fit(one_slice.get_fdata())
print(f"slice {z}: mean FA {tensors.fa.mean():.3f}")
