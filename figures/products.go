package figures

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gocollapse/collapse/record"
)

// Products draws WᵀH̄ as heat maps along training, a row for each of up to three labels (its first
// run). It is scaled so that a simplex ETF has 1 on the diagonal and −1/(K−1) elsewhere, where the
// colours are neutral. It is an error if the runs have no epoch with WᵀH̄ in common, or differ in their
// number of classes.
func Products(runs ...Series) (*Figure, error) {
	shown, epochs, err := filmedRuns(runs, hasProducts)
	if err != nil {
		return nil, err
	}
	epochs = chosenEpochs(epochs, 3)
	return products(shown, epochs, len(epochs), 230)
}

// ProductsAt draws the heat maps of Products at one epoch, label next to label. It is an error if a
// label's first run has no WᵀH̄ at the epoch.
func ProductsAt(epoch int, runs ...Series) (*Figure, error) {
	shown, epochs, err := filmedRuns(runs, hasProducts)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(epochs, epoch) {
		return nil, fmt.Errorf("figures: the runs do not all have WᵀH̄ at epoch %d; they have it at %v", epoch, epochs)
	}
	return products(shown, []int{epoch}, len(shown), 200)
}

// products lays the heat maps of runs at epochs out in rows of cols, each of a side in points.
func products(shown []filmed, epochs []int, cols int, side vg.Length) (*Figure, error) {
	k := 0
	var panels []panel
	var drawn []Series
	for _, s := range shown {
		drawn = append(drawn, Series{Label: s.label, Record: s.run})
		for _, epoch := range epochs {
			wh := s.run.Row(epoch).Picture.WH
			n := int(math.Round(math.Sqrt(float64(len(wh)))))
			if n*n != len(wh) || k > 0 && n != k {
				return nil, fmt.Errorf("figures: WᵀH̄ of %s at epoch %d has %d numbers; want K² of one K", s.label,
					epoch, len(wh))
			}
			k = n
			values := asCosines(wh, k)
			p := matrixPanel(fmt.Sprintf("%s, epoch %d", s.label, epoch), "class", "class of w",
				matrix{rows: k, cols: k, values: values}, cosines(k))
			p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = vg.Points(8), vg.Points(8)
			p.shown.says = matrixWords(values, k)
			panels = append(panels, p)
		}
	}
	origin, err := Origin(drawn...)
	if err != nil {
		return nil, err
	}
	f := figure("products")
	f.Alt = "Heat maps of classifier times class means. " + words(panels)
	f.Data = data(panels)
	f.Caption = fmt.Sprintf("WᵀH̄ over its norm, times K/√(K−1); row k is of w_k, column j of h̄_j − h_G. A simplex "+
		"ETF has 1 on the diagonal and %s elsewhere, where the colours are neutral; what is over 1 is drawn as 1. %s",
		three(-1/float64(max(k-1, 1))), origin)
	rows := vg.Length((len(panels) + cols - 1) / cols)
	return f, f.draw(max(vg.Length(cols)*side, 400), 40+rows*(side+20), func(c draw.Canvas) {
		c.Max.Y -= cosines(k).draw(c, "")
		drawPanels(c, cols, panels)
	})
}

// Depth draws NC1 of the training features of each layer at the end of runs, from the input to the last
// layer, on a log axis. From three seeds of a label on the line is their mean with its band. It is an
// error if a record does not hold NC1 by layer, or if the networks' layers differ.
func Depth(runs ...Series) (*Figure, error) {
	gs, origin, err := groupedOrigin(runs)
	if err != nil {
		return nil, err
	}
	var layers []string
	var curves []*curve
	missing := 0
	for i, g := range gs {
		var paths []path
		for _, r := range g.runs {
			if !hasDepth(r) {
				return nil, fmt.Errorf("figures: NC1 through depth needs NC1 by layer; the record of %q does not hold "+
					"it: train with --layer-profile", r.Spec.Name)
			}
			one := path{seed: seedText(r)}
			for j, l := range r.Final.Depth {
				one.x, one.y = append(one.x, float64(j)), append(one.y, float64(l.NC1))
				if len(layers) <= j {
					layers = append(layers, l.Layer)
				}
				if layers[j] != l.Layer {
					return nil, fmt.Errorf("figures: layer %d of %q is %s, of the first run %s; draw networks of "+
						"other layers apart", j+1, r.Spec.Name, l.Layer, layers[j])
				}
			}
			paths = append(paths, one)
		}
		glyph := glyphStyle(i)
		ks, n := g.spread(paths, look{line: lineStyle(i), glyph: &glyph, log: true})
		curves = append(curves, ks...)
		missing += n
	}
	p := newChart("NC1 of each layer's features", "layer", "NC1 (log scale)")
	addCurves(p, true, curves)
	p.X.Min, p.X.Max = -0.3, float64(len(layers))-0.7
	p.X.Tick.Marker = plot.TickerFunc(func(_, _ float64) (t []plot.Tick) {
		every := (len(layers) + 7) / 8
		for i, name := range layers {
			tick := plot.Tick{Value: float64(i)}
			if i%every == 0 {
				tick.Label = name
			}
			t = append(t, tick)
		}
		return t
	})
	p.shown.says = depthWords(curves, layers)
	block := runsLegend(gs)
	for i := range block {
		g := glyphStyle(i)
		block[i].curve.glyph = &g
	}
	f := figure("depth")
	f.Alt = "NC1 against depth."
	f.Caption = "NC1 (Equation 4) of the training features after each layer, averaged over the image, at the end of " +
		"training; the last is the feature that the classifier sees, in the order from the input. " + seedsNote(gs) +
		origin + undrawn(missing)
	return f, f.lay(480, 330, 1, legend{block}, []panel{p})
}

func hasDepth(r *record.Record) bool { return r.Final != nil && len(r.Final.Depth) > 0 }

// depthWords gives the first and the last layer of each curve that speaks.
func depthWords(curves []*curve, layers []string) string {
	var s string
	for _, k := range curves {
		if k.silent || len(k.y) == 0 {
			continue
		}
		if s != "" {
			s += "; "
		}
		last := len(k.y) - 1
		s += fmt.Sprintf("%s: from %s in %s to %s in %s", k.name, three(k.y[0]), layers[int(k.x[0])], three(k.y[last]),
			layers[int(k.x[last])])
	}
	return s
}
