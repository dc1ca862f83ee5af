package figures

import (
	"fmt"

	"github.com/gocollapse/collapse/internal/edit"
	"github.com/gocollapse/collapse/record"
)

// metric returns the metric of a key of record.Metrics. The key is one of this package's own.
func metric(key string) record.Metric {
	m, err := FindMetric(key)
	if err != nil {
		panic(err)
	}
	return m
}

// FindMetric returns the metric of a key of record.Metrics. The error of an unknown one names the
// nearest.
func FindMetric(key string) (record.Metric, error) {
	if m, ok := record.MetricByKey(key); ok {
		return m, nil
	}
	var keys []string
	for _, m := range record.Metrics() {
		keys = append(keys, m.Key)
	}
	return record.Metric{}, fmt.Errorf("figures: unknown metric %q; did you mean %s? record.Metrics lists all %d",
		key, edit.Nearest(key, keys), len(keys))
}

// column returns the epochs of a run and one metric at them, in the unit of its axis.
func column(r *record.Record, m record.Metric) (x, y []float64) {
	for i := range r.Epochs {
		x = append(x, float64(r.Epochs[i].Epoch))
		y = append(y, m.Shown(&r.Epochs[i]))
	}
	return x, y
}

// cellText writes a metric for a table: a share in percent with two decimals, other numbers with
// three significant digits, "–" where it is not defined.
func cellText(m record.Metric, e *record.Epoch) string {
	if m.Percent {
		return fixed(m.Shown(e), 2)
	}
	return significant(m.Value(e))
}
