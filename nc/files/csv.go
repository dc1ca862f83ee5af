package files

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"

	"github.com/gocollapse/collapse/nc"
)

// WriteCSV writes a series as a table with one line for each point: file, n, d, k and every metric
// with all its digits. A metric that is not defined is an empty cell.
func WriteCSV(w io.Writer, points []nc.Layer) error {
	out := csv.NewWriter(w)
	header := []string{"file", "n", "d", "k"}
	for _, m := range nc.Metrics() {
		header = append(header, m.Key)
	}
	if err := out.Write(header); err != nil {
		return err
	}
	for _, p := range points {
		line := []string{p.Name, strconv.Itoa(p.N), strconv.Itoa(p.D), strconv.Itoa(p.K)}
		for _, m := range nc.Metrics() {
			cell := ""
			if v, _ := p.Value(m.Key); !math.IsNaN(v) {
				cell = strconv.FormatFloat(v, 'g', -1, 64)
			}
			line = append(line, cell)
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
