package docs

import (
	"strings"
	"testing"

	"github.com/gocollapse/collapse/record"
)

// The tables of a specification's fields in records.md are record's.
func TestSpecFields(t *testing.T) {
	var b strings.Builder
	for _, group := range record.FieldGroups {
		var rows [][]string
		for _, f := range record.Fields() {
			if f.Group != group {
				continue
			}
			key, meaning := "`"+f.Key+"`", f.Meaning
			if f.Later {
				key += " *"
			}
			if f.Hint != "" {
				meaning += "; " + f.Hint
			}
			rows = append(rows, []string{key, f.Allowed(), f.DefaultText(), meaning})
		}
		b.WriteString("\n**" + group + "**\n\n" + table([]string{"field", "values", "default", "meaning"}, rows))
	}
	generated(t, "records.md", "specification", b.String()+"\n")
}

// The table of losses in models.md is record's.
func TestLosses(t *testing.T) {
	var rows [][]string
	for _, k := range record.Losses {
		parameters := make([]string, len(k.Parameters))
		for i, p := range k.Parameters {
			parameters[i] = "`" + p.Key + "` " + p.Symbol + " in " + p.Range.String()
		}
		rows = append(rows, []string{"`" + k.Name + "`", k.Short, k.Equation, strings.Join(parameters, ", "), k.Lowest})
	}
	header := []string{"name", "in figures", "loss of a sample", "parameters", "infimum"}
	generated(t, "models.md", "losses", "\n"+table(header, rows)+"\n")
}
