package figures

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/ufm"
)

// Regenerate the golden files after an intended change, and look at the result, with:
//
//	go test ./figures -run Golden -update -pictures /tmp/pictures
//
// -pictures writes each as PNG too, from the same numbers.
var (
	update   = flag.Bool("update", false, "rewrite the golden files in testdata")
	pictures = flag.String("pictures", "", "`folder` for the golden figures as PNG")
)

// goldenFigures are drawn from made-up records, which are for tests only.
var goldenFigures = map[string]func() (*Figure, error){
	"figure1": func() (*Figure, error) { return Figure1(pair("cifar10", 40)...) },
	"figure1_seeds": func() (*Figure, error) {
		return Figure1(Of(append(seeds("ce", 0, 3, 12), seeds("ls", 0.05, 2, 12)...)...)...)
	},
	"figure2": func() (*Figure, error) {
		runs := append(Of(seeds("ce", 0, 3, 20)...), Of(seeds("ls", 0.05, 1, 20)...)...)
		return Figure2(append(runs, missing("cifar100", "ce", 0))...)
	},
	"figure3": func() (*Figure, error) { return Figure3(Of(sweepRuns(3)...)...) },
	"figure5": func() (*Figure, error) {
		return Figure5(append(pair("cifar10", 40), missing("stl10", "ce", 0), missing("stl10", "ls", 0.05))...)
	},
	"figure8":      func() (*Figure, error) { return Figure8(Of(ufmRuns()...)...) },
	"figure8_free": func() (*Figure, error) { return entryOf("fig8").Theory(ufm.PaperParams()) },
	"figure9":      func() (*Figure, error) { return Figure9(Of(sweepRuns(3)...)...) },
	"figure10": func() (*Figure, error) {
		return Figure10(append(Of(ufmRuns()...), missing("cifar100", "ce", 0))...)
	},
	"film":     func() (*Figure, error) { return Film(pictured()...) },
	"products": func() (*Figure, error) { return Products(pictured()...) },
	"depth":    func() (*Figure, error) { return Depth(pictured()...) },
	"figure6":  func() (*Figure, error) { return Figure6(Of(sweepRuns(3)...)...) },
}

// missing is a planned run.
func missing(dataset, loss string, delta float64) Series {
	s := record.DefaultSpec()
	s.Name, s.Dataset, s.Loss = dataset+"-twin-"+loss+"-2021", dataset, record.Loss{Name: loss, Delta: delta}
	return Series{Missing: &Missing{Spec: s, Command: "collapse reproduce fig2 --run"}}
}

// sweepRuns returns made-up complete runs for several δ: so many seeds at δ of at most 0.1, then two,
// then one. NC1 has a U shape, ‖w‖ and ‖h‖ decrease.
func sweepRuns(most int) (runs []*record.Record) {
	for _, delta := range []float64{0, 0.02, 0.05, 0.08, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95} {
		loss, n := "ls", most
		switch {
		case delta == 0:
			loss = "ce"
		case delta >= 0.5:
			n = 1
		case delta > 0.1:
			n = min(most, 2)
		}
		for i, r := range seeds(loss, delta, n, 6) {
			for j := range r.Epochs {
				e := &r.Epochs[j]
				noise := record.Number(1 + 0.02*float64(i))
				e.NC1 = record.Number(2/float64(e.Epoch)*(0.2+math.Pow(delta-0.3, 2))) * noise
				e.NC2, e.NC3 = e.NC1*2, 0.15*noise
				e.WNorm, e.HNorm = record.Number(2-1.8*delta)*noise, record.Number(4-3*delta)*noise
			}
			withFinal(r, 0.14-0.2*delta+0.4*delta*delta+0.01*float64(i), 0.02+0.05*delta, 2-1.6*delta)
			runs = append(runs, r)
		}
	}
	return runs
}

// ufmRuns returns made-up runs of the simulated unconstrained feature model, whose norms come to the
// closed form with the epochs.
func ufmRuns() (runs []*record.Record) {
	for _, delta := range []float64{0, 0.05, 0.1} {
		loss := "ls"
		if delta == 0 {
			loss = "ce"
		}
		r := synthetic("cifar10", loss, delta, 2021, 20)
		r.Spec.Decay, r.Spec.LambdaW, r.Spec.LambdaH, r.Spec.LambdaB, r.Spec.FeatureNorm = 0, 1e-3, 1e-6, 1e-2, true
		r.Model = record.Model{Classes: 10, Features: 128}
		p := ufm.Params{K: 10, N: 500, D: 128, LambdaW: 1e-3, LambdaH: 1e-6, LambdaB: 1e-2, Delta: delta}
		m, err := p.Minimiser()
		if err != nil {
			panic(err)
		}
		for i := range r.Epochs {
			e := &r.Epochs[i]
			e.WNorm = record.Number(m.WNorm * (1 + math.Exp(-float64(e.Epoch)/4)))
			e.HNorm = record.Number(m.HNorm * (1 - 0.5*math.Exp(-float64(e.Epoch)/3)))
			e.NC1 *= record.Number(1 - delta)
		}
		runs = append(runs, r)
	}
	return runs
}

func TestGoldenFigures(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors fuse multiplications and differ in the last printed digit")
	}
	for name, draw := range goldenFigures {
		t.Run(name, func(t *testing.T) {
			f, err := draw()
			if err != nil {
				t.Fatal(err)
			}
			checkFigure(t, f, Scale)
			if *pictures != "" {
				if err := os.WriteFile(filepath.Join(*pictures, name+".png"), f.PNG, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden(t, name+".svg", string(f.SVG))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./figures -run Golden -update", err)
	}
	if got+"\n" != string(want) {
		t.Errorf("%s differs from what is drawn now; if that is intended, look at it and run: go test ./figures -run "+
			"Golden -update", path)
	}
}
