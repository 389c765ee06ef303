# PSNR against epochs, seconds and operations of one network's training, a curve for each training.
load "style.gp"

stats "training.csv" using (note(stringcolumn("series"))) nooutput
kinds = distinct

# Trainings mostly are of one kind: colours go round, then dashes.
style_of(i) = (i - 1) % 8 + 1
dash(i) = (i - 1) / 8 + 1

# What the page shows where a curve is pointed at.
cost(value, unit) = value > 0 ? sprintf(", %.3g %s", value, unit) : ""
told(_) = sprintf("%s: %.2f dB after %g epochs%s%s", stringcolumn("series"), column("psnr"), column("epoch"), \
    cost(column("seconds"), "s"), cost(column("flop"), "operations"))

# A run without its times has no seconds.
see(x) = (x > 0 ? (n_known = n_known + 1) : 0, 0)

axes   = "epoch seconds flop"
titles = "'epochs' 'seconds of training' 'operations of training'"

# Bands of more curves hide each other.
banded(_) = words(kinds) > 6 ? 0 : words(kinds)

# The legend stands below, in two columns.
rows = (words(kinds) + 1) / 2
height = 388 + 19 * rows
bottom = (height - 310.0) / height

set logscale x
set grid
set tmargin at screen 1 - 14.0 / height
set bmargin at screen bottom
set style fill transparent solid 0.12 noborder
do for [format in formats] {
    eval open_picture(format, "training", 980, height)
    set multiplot
    set ylabel "PSNR / dB" offset 0.5
    set key at screen 0.04, screen bottom - 62.0 / height left top vertical maxrows rows
    do for [a = 1:3] {
        axis = word(axes, a)
        n_known = 0
        stats "training.csv" using (see(column(axis))) nooutput
        set lmargin at screen 0.065 + 0.315 * (a - 1)
        set rmargin at screen 0.065 + 0.315 * (a - 1) + 0.28
        set xlabel word(titles, a)
        if (a == 2) { set ylabel; set format y ""; set format x "10^{%T}"; unset key }
        if (n_known > 0) {
            plot for [i = 1:banded(0)] "training.csv" using (of(i, column(axis))):"psnr_low":"psnr_high" \
                     with filledcurves fillcolor rgb colour(i), \
                 for [i = 1:words(kinds)] "training.csv" using (of(i, column(axis))):"psnr" \
                     with lines linecolor rgb colour(i) dashtype dash(i) linewidth 1.6 title kind(i), \
                 for [i = 1:(format eq "svg" ? words(kinds) : 0)] "training.csv" \
                     using (of(i, column(axis))):"psnr":(told(0)) \
                     with labels hypertext noenhanced point pointtype 7 pointsize 0.8 linecolor rgb "#ff000000"
        }
    }
    unset multiplot
    set format x "%g"
    set format y "%g"
}
