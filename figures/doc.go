// Package figures draws the figures and tables of the paper from records.
//
// Every figure comes as SVG and as the same picture in PNG, since a notebook
// that was opened with saved outputs strips SVG until it is trusted. Colours
// are those of Okabe and Ito, which colour-blind readers tell apart; every run
// also has a line style of its own, so that a figure can be read in grey.
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
