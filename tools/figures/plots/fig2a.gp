# PSNR and mean squared error against epochs, one curve for each kind of network, with a band of one standard
# deviation.
load "style.gp"

stats "fig2a.csv" using (note(stringcolumn("series"))) nooutput
kinds = distinct
distinct = ""
stats "fig2a.csv" using (note(stringcolumn("label"))) nooutput
labels = distinct

# What the page shows where a curve is pointed at.
told(_) = sprintf("%s, epoch %g: %.2f dB, mean squared error %.3g", stringcolumn("series"), column("epoch"), \
    column("psnr"), column("mse"))

set xlabel "epoch"
set bmargin at screen 0.14
set tmargin at screen 0.96
set style fill transparent solid 0.15 noborder
do for [format in formats] {
    eval open_picture(format, "fig2a", 980, 400)
    set multiplot
    set lmargin at screen 0.065
    set rmargin at screen 0.395
    unset logscale y
    set format y "%g"
    unset key
    set ylabel "PSNR / dB" offset 0.5
    plot for [i = 1:words(kinds)] "fig2a.csv" using (of(i, column("epoch"))):"psnr_low":"psnr_high" \
             with filledcurves fillcolor rgb colour(i), \
         for [i = 1:words(kinds)] "fig2a.csv" using (of(i, column("epoch"))):"psnr" \
             with lines linecolor rgb colour(i) linewidth 1.6, \
         for [i = 1:(format eq "svg" ? words(kinds) : 0)] "fig2a.csv" using (of(i, column("epoch"))):"psnr":(told(0)) \
             with labels hypertext noenhanced point pointtype 7 pointsize 0.8 linecolor rgb "#ff000000"
    set lmargin at screen 0.485
    set rmargin at screen 0.815
    set logscale y
    set format y "10^{%T}"
    set key at screen 0.83, 0.96 left top
    set ylabel "mean squared error" offset 1
    plot for [i = 1:words(kinds)] "fig2a.csv" using (of(i, column("epoch"))):"mse_low":"mse_high" \
             with filledcurves fillcolor rgb colour(i), \
         for [i = 1:words(kinds)] "fig2a.csv" using (of(i, column("epoch"))):"mse" \
             with lines linecolor rgb colour(i) linewidth 1.6 title word(labels, i), \
         for [i = 1:(format eq "svg" ? words(kinds) : 0)] "fig2a.csv" using (of(i, column("epoch"))):"mse":(told(0)) \
             with labels hypertext noenhanced point pointtype 7 pointsize 0.8 linecolor rgb "#ff000000"
    unset multiplot
}
