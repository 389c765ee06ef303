# Mean slice-wise PSNR and compression ratio against the bits of a stored weight, one curve for each kind of
# network.
load "style.gp"

stats "weights.csv" using (note(stringcolumn("series"))) nooutput
kinds = distinct
stats "weights.csv" using "bits" name "X" nooutput
stats "weights.csv" using "ratio" name "R" nooutput
# float32 stands two bits to the right of the last integer.
at(bits) = bits > 16 ? 14 : bits
shift(i) = 0.08 * (i - 0.5 * (words(kinds) + 1))

# What the page shows where a mark is pointed at.
told(_) = sprintf("%s, %s: %.2f dB at a ratio of %.4g", stringcolumn("series"), stringcolumn("weights"), \
    column("psnr"), column("ratio"))

set xlabel "bits of a weight"
set xrange [at(X_min) - 0.6:at(X_max) + 0.6]
set xtics ("6" 6, "7" 7, "8" 8, "9" 9, "10" 10, "11" 11, "12" 12, "float32" 14)
set bmargin at screen 0.14
set tmargin at screen 0.96

do for [format in formats] {
    eval open_picture(format, "weights", 980, 400)
    set multiplot
    set lmargin at screen 0.065
    set rmargin at screen 0.395
    unset logscale y
    set ytics autofreq
    set yrange [*:*]
    unset key
    set ylabel "PSNR / dB, mean over slices" offset 0.5
    plot for [i = 1:words(kinds)] "weights.csv" \
             using (of(i, at(column("bits")) + shift(i))):"psnr":"psnr_low":"psnr_high" \
             with yerrorbars linecolor rgb colour(i) linewidth 0.8 pointtype 0, \
         for [i = 1:words(kinds)] "weights.csv" using (of(i, at(column("bits")) + shift(i))):"psnr" \
             with linespoints linecolor rgb colour(i) linewidth 1.5 pointtype mark(i), \
         for [i = 1:(format eq "svg" ? words(kinds) : 0)] "weights.csv" \
             using (of(i, at(column("bits")) + shift(i))):"psnr":(told(0)) \
             with labels hypertext noenhanced point pointtype 7 pointsize 1.4 linecolor rgb "#ff000000"
    set lmargin at screen 0.485
    set rmargin at screen 0.815
    set logscale y
    set yrange [R_min / 1.3:R_max * 1.3]
    eval ratio_tics("y", R_min, R_max)
    set key at screen 0.83, 0.96 left top
    set ylabel "compression ratio" offset 0.5
    plot for [i = 1:words(kinds)] "weights.csv" using (of(i, at(column("bits")))):"ratio" \
             with linespoints linecolor rgb colour(i) linewidth 1.5 pointtype mark(i) title kind(i), \
         for [i = 1:(format eq "svg" ? words(kinds) : 0)] "weights.csv" \
             using (of(i, at(column("bits")))):"ratio":(told(0)) \
             with labels hypertext noenhanced point pointtype 7 pointsize 1.4 linecolor rgb "#ff000000"
    unset multiplot
}
