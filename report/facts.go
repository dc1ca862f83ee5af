package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gocollapse/collapse/record"
)

// fact is a line of a run's description, in HTML.
type fact struct {
	name  string
	value func(*run, record.Description) string
}

// described returns a fact that says what the record itself says of a run.
func described(name string, text func(record.Description) string) fact {
	return fact{name, func(_ *run, d record.Description) string { return esc(text(d)) }}
}

var allFacts = []fact{
	described("Data set", func(d record.Description) string { return d.Dataset }),
	{"Bytes", func(r *run, d record.Description) string {
		if r.Data.Source == "" {
			return esc(d.Bytes)
		}
		return esc(d.Bytes + " (" + r.Data.Source + ")")
	}},
	{"Images", func(r *run, d record.Description) string {
		switch {
		case d.Images == "":
			return "not stated"
		case r.Data.Height == 0:
			return esc(d.Images)
		}
		return esc(fmt.Sprintf("%s; %d×%d×%d", d.Images, r.Data.Height, r.Data.Width, r.Data.Channels))
	}},
	{"Preparation", func(r *run, _ record.Description) string {
		// The line of "Seed" has the number, in which the runs of a setting differ.
		seed := fmt.Sprintf("with seed %d", r.Spec.Seed)
		return esc(strings.ReplaceAll(r.Data.Preparation, seed, "with the run's seed"))
	}},
	described("Changes", func(d record.Description) string { return d.Changes }),
	{"Network", func(r *run, d record.Description) string {
		if r.Model.Parameters == 0 {
			return esc(d.Network)
		}
		return esc(fmt.Sprintf("%s, %s parameters, %d features", d.Network,
			thousands(r.Model.Parameters), r.Model.Features))
	}},
	described("Loss", func(d record.Description) string { return d.Loss }),
	{"Epochs", func(r *run, _ record.Description) string { return epochsText(r) }},
	described("Schedule", func(d record.Description) string { return d.Schedule }),
	described("Optimiser", func(d record.Description) string { return d.Optimiser }),
	described("Precision", func(d record.Description) string { return d.Precision }),
	{"Scale", func(r *run, _ record.Description) string { return badge(r) }},
	{"Seed", func(r *run, _ record.Description) string { return strconv.FormatInt(r.Spec.Seed, 10) }},
	described("Backend", func(d record.Description) string { return d.Backend }),
	described("Device", func(d record.Description) string { return d.Machine }),
	{"Time", func(r *run, _ record.Description) string { return esc(duration(r.Seconds)) }},
	{"Started", func(r *run, _ record.Description) string {
		if r.Started.IsZero() {
			return ""
		}
		return esc(r.Started.UTC().Format("2 January 2006, 15:04 UTC"))
	}},
	{"Record", func(r *run, _ record.Description) string { return "<code>" + esc(r.path) + "</code>" }},
}

// facts is what the runs of a setting were. A line in which they differ lists the values, or how many
// there are: the table of runs has the rest.
func facts(g []*run) string {
	const most = 4
	var b strings.Builder
	b.WriteString("<div class=\"scroll\"><table class=\"facts\">\n<tbody>\n")
	for _, f := range allFacts {
		var vs []string
		for _, r := range g {
			if v := f.value(r, r.Describe()); v != "" && !slices.Contains(vs, v) {
				vs = append(vs, v)
			}
		}
		text := strings.Join(vs, "<br>")
		switch {
		case len(vs) == 0:
			continue
		case len(vs) > most:
			text = fmt.Sprintf("%d different ones, on the pages of the runs", len(vs))
		}
		b.WriteString("<tr><th scope=\"row\">" + f.name + "</th><td>" + text + "</td></tr>\n")
	}
	b.WriteString("</tbody></table></div>\n")
	return b.String()
}

// scaleWord is the scale of a run in words.
func scaleWord(r *run) string {
	if r.AtPaperScale() {
		return "paper scale"
	}
	return "reduced scale"
}

// badge says the scale in a word that is seen.
func badge(r *run) string {
	class := "badge"
	if r.AtPaperScale() {
		class += " paper"
	}
	return `<span class="` + class + `">` + scaleWord(r) + "</span>"
}

// epochsText is the number of epochs, with what was asked for where that is more.
func epochsText(r *run) string {
	n := 0
	if e := r.Last(); e != nil {
		n = e.Epoch
	}
	if r.Status == record.Finished && n == r.Spec.Epochs {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d of %d (%s)", n, r.Spec.Epochs, esc(string(r.Status)))
}
