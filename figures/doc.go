// Package figures draws the figures and tables of the paper from records.
//
// Every figure comes as SVG and as the same picture in PNG, since a notebook
// that was opened with saved outputs strips SVG until it is trusted, and as PDF
// where it is asked for. It has the numbers behind it as CSV, and an alternative
// text that is made from them: values and directions. All are the same bytes from
// run to run. Colours
// are those of Okabe and Ito, which colour-blind readers tell apart; every run
// also has a line style of its own, so that a figure can be read in grey.
//
// Several seeds of one setting are their mean with its interval, from three seeds
// on; runs of different settings are never averaged. Planned runs that are not
// recorded are named where their curve would be.
//
// Figures and tables say at which scale their numbers were measured. The
// paper's numbers appear next to measured ones only for the four data sets that
// the paper trained on, in columns of their own, and a verdict needs three seeds.
//
// The package uses gonum.org/v1/plot and does not import GoMLX.
//
// Reference: "Cross Entropy versus Label Smoothing: A Neural Collapse
// Perspective", arXiv:2402.03979.
package figures
