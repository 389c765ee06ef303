# examples/method.c compiles alone and learns an image: its PSNR rises from one line to the next, and far.
source "$(dirname "$0")/../common.sh"
needs cc
cc -std=c11 -O2 -Wall -Wextra -Werror "$root/examples/method.c" -o method -lm
./method >learnt.txt
awk '/^epoch/ { psnr = $4; n++; if (n == 1) first = psnr; else if (psnr <= last) exit 1; last = psnr }
     END { exit !(n == 6 && first < 12 && last > 33) }' learnt.txt || fail "$(cat learnt.txt)"
