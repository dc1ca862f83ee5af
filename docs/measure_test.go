package docs

import (
	"slices"
	"testing"

	"github.com/gocollapse/collapse/nc"
)

// The tables of metrics in measure.md are nc's.
func TestCollapseMetrics(t *testing.T) {
	for _, part := range []struct {
		name    string
		metrics []nc.Metric
	}{
		{"collapse metrics", nc.Metrics()},
		{"covariance metrics", slices.Concat(nc.CovarianceMetrics(), under("mse", nc.MSEMetrics()))},
		{"regression metrics", nc.RegressionMetrics()},
	} {
		var rows [][]string
		for _, m := range part.metrics {
			rows = append(rows, []string{"`" + m.Key + "`", m.Equation, m.Range, m.Meaning, m.Source})
		}
		metricTable(t, "measure.md", part.name, rows)
	}
}

// under returns metrics whose keys are in an object of the JSON.
func under(object string, metrics []nc.Metric) []nc.Metric {
	for i := range metrics {
		metrics[i].Key = object + "." + metrics[i].Key
	}
	return metrics
}
