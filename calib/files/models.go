package files

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/calib"
)

// Measure measures the calibration of the model whose logits each file holds; the name of a
// model is that of its file without folder and ending. test reads the arrays of OpenTest. With
// o.Bootstrap, the ECE of every model is compared with that of the first: it is then an error if
// the files differ in their labels.
func Measure(ctx context.Context, paths []string, test bool, o calib.Options) ([]calib.Model, error) {
	open := Open
	if test {
		open = OpenTest
	}
	var models []calib.Model
	for _, path := range paths {
		f, err := open(ctx, path, o.Probabilities)
		if err != nil {
			return nil, err
		}
		r, err := calib.Measure(f, o)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		models = append(models, calib.Model{Name: name, Report: r})
	}
	if o.Bootstrap > 0 {
		if err := calib.CompareModels(models, o.Bootstrap, o.Seed); err != nil {
			return nil, err
		}
	}
	return models, nil
}
