"""Votes and mixers a second time, from docs/transform.md chapter 5 alone. A vote is a list of its probability in 1/2^22 and the bits it has seen."""
import bisect

T = [22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
     62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514]


def squash(x):
    i, j = (x + 2048) // 128, (x + 2048) % 128
    return (T[i] * (128 - j) + T[i + 1] * j + 64) // 128


SQUASHED = [squash(x) // 16 for x in range(-2047, 2048)]  # ascending
STRETCH = [min(bisect.bisect_left(SQUASHED, q) - 2047, 2047) for q in range(4096)]


class Mixer:
    def __init__(self, first=3000):
        self.w, self.n = 7 * [first] + [0], 0

    def code(self, decoder, votes):
        x = [STRETCH[p >> 10] for p, _ in votes] + [256]
        y = max(-2047, min(2047, (sum(w * a for w, a in zip(self.w, x)) + 8192) >> 14))
        p = squash(y)
        bit = decoder.bit(p, None)
        rate = 18 - self.n // 16 if self.n < 240 else 4
        e = (65536 * bit - p) * rate >> 4
        self.w = [max(-65535, min(65535, w + ((a * (e >> 2) + 8192) >> 14))) for w, a in zip(self.w, x)]
        self.n += 1
        for vote in votes:
            r = 131072 // (2 * vote[1] + 3)
            vote[0] += ((2**22 - 1 - vote[0]) * r >> 16) if bit else -(vote[0] * r >> 16)
            vote[1] = min(vote[1] + 1, 255)
        return bit
