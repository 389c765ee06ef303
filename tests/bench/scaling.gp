# scaling.csv of tests/bench/scaling: processor time of a step for each point and parameter, against the width of the network
# and the number of slices. The band is the least time and 15 % more.
load style

stats "scaling.csv" using (column("slices") == 1 ? column("picoseconds") : NaN) name "W" nooutput
stats "scaling.csv" using (column("width") == 256 ? column("picoseconds") : NaN) name "S" nooutput
set logscale x 2
set yrange [0:1.5 * (W_max > S_max ? W_max : S_max)]
set ylabel "processor time / (points x parameters), ps"
set style fill solid 0.15 noborder

panel(least, most) = sprintf("within %.0f %%", 100 * (most / least - 1))
do for [format in formats] {
    eval open_picture(format, "scaling", 720, 340)
    set multiplot layout 1, 2
    set title panel(W_min, W_max) . " from width 128 to 1024, one slice"
    set xlabel "units of a hidden layer"
    plot [110:1200] "+" using 1:(W_min):(1.15 * W_min) with filledcurves linecolor rgb "#0072B2", \
         "scaling.csv" using "width":(column("slices") == 1 ? column("picoseconds") : NaN) \
             with linespoints linecolor rgb "#0072B2" linewidth 1.5 pointtype 7
    set title panel(S_min, S_max) . " from 1 to 96 slices, 3x256"
    set xlabel "slices trained side by side"
    set xtics (1, 3, 10, 32, 96)
    plot [0.85:115] "+" using 1:(S_min):(1.15 * S_min) with filledcurves linecolor rgb "#0072B2", \
         "scaling.csv" using "slices":(column("width") == 256 ? column("picoseconds") : NaN) \
             with linespoints linecolor rgb "#0072B2" linewidth 1.5 pointtype 7
    unset multiplot
}
