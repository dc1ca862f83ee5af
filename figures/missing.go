package figures

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
)

// part is the runs of one data set in a figure that has panels for each, and the planned runs of it
// that are not recorded.
type part struct {
	dataset string
	runs    []Series
	groups  []group
	missing []Missing
}

// title is the data set in the title of a panel.
func (p part) title() string { return record.DataName(p.dataset) }

// parts checks the series and sorts them by data set: the paper's in its order, then others in the
// order given. Without any series the error is ErrNoSeries.
func parts(runs []Series) ([]part, error) {
	with, missing := recorded(runs)
	if len(runs) == 0 {
		return nil, ErrNoSeries
	}
	if len(with) > 0 {
		if err := checked(with); err != nil {
			return nil, err
		}
	}
	names := slices.Clone(paperOrder)
	for _, s := range with {
		names = append(names, s.Record.Spec.Dataset)
	}
	for _, m := range missing {
		names = append(names, m.Spec.Dataset)
	}
	var all []part
	for _, name := range names {
		if slices.ContainsFunc(all, func(p part) bool { return p.dataset == name }) {
			continue
		}
		p := part{dataset: name}
		for _, s := range with {
			if s.Record.Spec.Dataset == name {
				p.runs = append(p.runs, s)
			}
		}
		for _, m := range missing {
			if m.Spec.Dataset == name {
				p.missing = append(p.missing, m)
			}
		}
		if len(p.runs) > 0 {
			var err error
			if p.groups, err = grouped(p.runs); err != nil {
				return nil, err
			}
		}
		if len(p.runs)+len(p.missing) > 0 {
			all = append(all, p)
		}
	}
	return all, nil
}

// paperOrder is the paper's data sets in its order.
var paperOrder = []string{"cifar10", "cifar100", "stl10", "tiny-imagenet"}

// labels lists the labels of the groups of all parts, each once: its place is the colour of a label
// in every panel.
func labels(parts []part) (names []string) {
	for _, p := range parts {
		for _, g := range p.groups {
			if !slices.Contains(names, g.label) {
				names = append(names, g.label)
			}
		}
	}
	return names
}

// partsLegend names the labels of all parts.
func partsLegend(parts []part) (block []entry) {
	for i, label := range labels(parts) {
		block = append(block, entry{label, &curve{line: lineStyle(i)}})
	}
	return block
}

// originOf is Origin of the runs that are recorded, and the names of those that are not.
func originOf(runs []Series) (string, error) {
	with, missing := recorded(runs)
	var s string
	if len(with) > 0 {
		var err error
		if s, err = Origin(with...); err != nil {
			return "", err
		}
	}
	return strings.TrimSpace(s + missingNote(missing)), nil
}

// partsOrigin is parts, and originOf for the caption.
func partsOrigin(runs []Series) ([]part, string, error) {
	ps, err := parts(runs)
	if err != nil {
		return nil, "", err
	}
	origin, err := originOf(runs)
	return ps, origin, err
}

// mostNamed is how many missing runs are named.
const mostNamed = 4

// missingNames lists missing runs, at most mostNamed by name.
func missingNames(missing []Missing) string {
	var names []string
	for _, m := range missing[:min(len(missing), mostNamed)] {
		names = append(names, m.Spec.Name)
	}
	if more := len(missing) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// commands lists the commands that make missing runs, each once.
func commands(missing []Missing) (list []string) {
	for _, m := range missing {
		if m.Command != "" && !slices.Contains(list, m.Command) {
			list = append(list, m.Command)
		}
	}
	return list
}

func them(missing []Missing) string {
	if len(missing) == 1 {
		return "it"
	}
	return "them"
}

// missingNote names in a caption the planned runs that are not recorded.
func missingNote(missing []Missing) string {
	if len(missing) == 0 {
		return ""
	}
	s := fmt.Sprintf(" Planned and not recorded: %s.", missingNames(missing))
	if c := commands(missing); c != nil {
		s += " To make " + them(missing) + ": " + c[0] + "."
	}
	return s
}

// missingPanel is a panel without runs: it names those that are missing and the command that makes
// them.
func missingPanel(title string, missing []Missing) panel {
	p := newChart(title, "", "")
	p.HideAxes()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	lines := []string{"Not recorded:"}
	for _, m := range missing[:min(len(missing), mostNamed)] {
		lines = append(lines, m.Spec.Name)
	}
	if more := len(missing) - mostNamed; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	if c := commands(missing); c != nil {
		lines = append(lines, "To make "+them(missing)+":", wrap(c[0], 36))
	}
	p.Add(notice(strings.Join(lines, "\n")))
	p.shown.says = strings.TrimSuffix(strings.TrimSpace(missingNote(missing)), ".")
	return p
}

// notice writes lines in the middle of a dashed frame.
type notice string

func (n notice) Plot(c draw.Canvas, _ *plot.Plot) {
	frame := draw.LineStyle{Color: pale, Width: vg.Points(1), Dashes: dashes[1]}
	c.SetLineStyle(frame)
	c.Stroke(c.Rectangle.Path())
	sty := textStyle(9, false)
	sty.XAlign, sty.YAlign = draw.XCenter, draw.YCenter
	c.FillText(sty, c.Center(), string(n))
}
