"""What a network could add to the pixels of components that a transform archive gives back (docs/restoration.md), in PyTorch: which features
are worth what, and what linear filters of 5 x 5 pixels do in its place. Everything it reports is on what it was fitted to.
    restoration_features.py SIRENCL SERIES.nii.gz Z0:Z1 PSNR [--components original|decoded] [--beside LIST] [--alone LIST] [--units N]
LIST: components whose pixel and four neighbours (--beside) or pixel (--alone) are told, as -1,+1 from the pixel's own, or 0,1 by number.
Components: principal ones of the original (the archive's own but for rounding) or of what was decoded.
"""
import argparse
import subprocess
import tempfile

import nibabel
import numpy as np
import torch

STEPS, BATCH = 5000, 1024


def read():
    parser = argparse.ArgumentParser()
    parser.add_argument('sirencl')
    parser.add_argument('series')
    parser.add_argument('slices')
    parser.add_argument('psnr')
    parser.add_argument('--components', choices=('original', 'decoded'), default='original')
    parser.add_argument('--beside', default='-1,-2,+1,+2,0')
    parser.add_argument('--alone', default='')
    parser.add_argument('--units', type=int, default=16)
    return parser.parse_args()


def decode(a):
    """The slices as they are and as an archive gives them back, (volumes, slices, x, y), each volume of a slice from 0 to 1."""
    with tempfile.TemporaryDirectory() as folder:
        archive, image = folder + '/a.siren', folder + '/a.nii'
        subprocess.run([a.sirencl, 'compress', a.series, archive, '--model', 'transform', '--psnr', a.psnr, '--slices', a.slices, '--effort', '5', '--quiet'], check=True)
        subprocess.run([a.sirencl, 'decompress', archive, image, '--device', 'host', '--quiet'], check=True)
        first, end = map(int, a.slices.split(':'))
        images = [np.asarray(nibabel.load(name).dataobj, 'f4')[:, :, z].transpose(3, 2, 0, 1) for name, z in ((a.series, slice(first, end)), (image, slice(None)))]
    least = images[0].min((2, 3), keepdims=True)
    extent = images[0].max((2, 3), keepdims=True) - least
    return [(i - least) / np.where(extent > 0, extent, 1) for i in images]


def components(original, decoded, of):
    rows = (original if of == 'original' else decoded).reshape(len(original), -1)
    vectors = np.linalg.eigh(np.cov(rows))[1][:, ::-1]
    return [np.einsum('vk,vzxy->kzxy', vectors, i) for i in (original, decoded)]


def padded(planes):
    return np.pad(planes, ((0, 0), (0, 0), (2, 2), (2, 2)), mode='edge')


def shifted(planes, k, i, j):
    return planes[k, :, 2 + i:planes.shape[2] - 2 + i, 2 + j:planes.shape[3] - 2 + j]


def log(v, parts):
    return np.clip(np.sign(v) * np.rint(parts * np.log2(1 + 4 * np.abs(v))), -127, 127).astype('i1')


def chosen(text, k, n):
    numbers = [k + int(q) if q[0] in '+-' else int(q) for q in text.split(',') if q]
    return [q if 0 <= q < n else None for q in numbers]


def features(planes, k, a):
    own, rows = shifted(planes, k, 0, 0), []
    nothing = np.zeros(own.shape, 'i1')
    rows = [log(own, 8)] + [log(shifted(planes, k, i, j) - own, 16) for i in range(-2, 3) for j in range(-2, 3) if (i, j) != (0, 0)]
    for q in chosen(a.beside, k, len(planes)):
        p = None if q is None else shifted(planes, q, 0, 0)
        rows += 5 * [nothing] if q is None else [log(p, 8)] + [log(shifted(planes, q, *at) - p, 16) for at in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    rows += [nothing if q is None else log(shifted(planes, q, 0, 0), 8) for q in chosen(a.alone, k, len(planes))]
    x, y = np.meshgrid(*(32 * (np.arange(n) % 8) - 112 for n in own.shape[1:]), indexing='ij')
    rows += [np.broadcast_to(i, own.shape).astype('i1') for i in (x, y, np.full(x.shape, min(127, round(16 * np.log2(1 + k)))))]
    return rows


def gain(error, left):
    return -10 * np.log10(left / error)


def linear(planes, lacking):
    """By one filter for each component, and by one for each of five classes of activity."""
    left = [0, 0]
    for k in range(len(planes)):
        taps = np.stack([shifted(planes, k, i, j) for i in range(-2, 3) for j in range(-2, 3)], -1).reshape(-1, 25).astype('f8')
        wanted = lacking[k].reshape(-1)
        activity = np.abs(taps - taps[:, 12:13]).sum(1)
        classes = np.searchsorted(np.quantile(activity, [.25, .5, .75, .9]), activity)
        for way, parts in enumerate(([slice(None)], [classes == c for c in range(5)])):
            for part in parts:
                weights = np.linalg.lstsq(taps[part], wanted[part], rcond=None)[0]
                left[way] += ((wanted[part] - taps[part] @ weights)**2).sum()
    return left


def train(told, lacking, units):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(told.shape[1], units), torch.nn.LeakyReLU(.125), torch.nn.Linear(units, units), torch.nn.LeakyReLU(.125), torch.nn.Linear(units, 1))
    with torch.no_grad():
        network[-1].weight *= .1
        network[-1].bias.zero_()
    adam = torch.optim.Adam(network.parameters(), .008, betas=(.9, .99))
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda t: .5 * (1 + np.cos(np.pi * t / STEPS)) * min(1, (t + 1) / 50))
    for _ in range(STEPS):
        batch = torch.randint(len(lacking), (BATCH,))
        loss = ((network(told[batch].float() / 16)[:, 0] - lacking[batch])**2).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    with torch.no_grad():
        parts = zip(told.split(1 << 18), lacking.split(1 << 18))
        return sum(float(((wanted - network(part.float() / 16)[:, 0])**2).sum()) for part, wanted in parts)


def main():
    a = read()
    original, decoded = components(*decode(a), a.components)
    lacking = original - decoded
    scale = np.sqrt((lacking**2).mean())
    planes, lacking = padded(decoded / scale), lacking / scale
    told = torch.tensor(np.concatenate([np.stack(features(planes, k, a), -1).reshape(lacking[k].size, -1) for k in range(len(planes))]))
    error = float((lacking**2).sum())
    one, classes = linear(planes, lacking)
    left = train(told, torch.tensor(lacking.reshape(-1), dtype=torch.float32), a.units)
    print(f'{told.shape[1]} features, {a.units} units: {gain(error, left):.3f} dB; linear {gain(error, one):.3f}, by classes {gain(error, classes):.3f}')


main()
