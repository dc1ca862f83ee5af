package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gocollapse/collapse/internal/project"
	"github.com/gocollapse/collapse/record"
	"github.com/gocollapse/collapse/train"
)

// addSpecFlags gives every field of a specification its flag. The parameters of a loss of the
// user's own have none: the command knows no such loss.
func addSpecFlags(f *pflag.FlagSet, s *record.Spec) {
	for _, field := range record.Fields() {
		name, help := flagName(field.Key), flagHelp(field)
		switch v := field.Pointer(s).(type) {
		case *string:
			f.StringVar(v, name, *v, help)
		case *bool:
			f.BoolVar(v, name, *v, help)
		case *int:
			f.IntVar(v, name, *v, help)
		case *int64:
			f.Int64Var(v, name, *v, help)
		case *float64:
			f.Float64Var(v, name, *v, help)
		case *[]int:
			f.IntSliceVar(v, name, *v, help)
		}
	}
}

// flagName is the flag of a specification's field: its JSON key with dashes.
func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

// flagHelp says what a field means and may be, with flags in place of keys.
func flagHelp(f record.Field) string {
	help := f.Meaning
	notTold := func(name string) bool { return !strings.Contains(f.Meaning, "`"+name+"`") }
	switch {
	case !f.Restricted() || (f.Names != nil && !slices.ContainsFunc(f.Names, notTold)):
	case f.Range.OrZero:
		help += ", " + f.Allowed()
	case f.Number():
		help += ", in " + f.Allowed()
	default:
		help += " (" + f.Allowed() + ")"
	}
	if f.Hint != "" {
		help += "; " + f.Hint
	}
	if f.Default != "" {
		help += " (default " + f.Default + ")"
	}
	for _, field := range record.Fields() {
		help = strings.ReplaceAll(help, "`"+field.Key+"`", "--"+flagName(field.Key))
	}
	return strings.ReplaceAll(help, "`", "")
}

// specSources are the flags that say where a specification begins.
type specSources struct {
	file   string // --spec
	resume string // folder of a run that goes on, or of several
}

// resolveSpec merges the sources of a specification: the resumed record or the
// file first, then every flag that was given.
func resolveSpec(c *cobra.Command, flags record.Spec, from specSources) (record.Spec, error) {
	changed := func(field string) bool { return c.Flags().Changed(flagName(field)) }
	override := func(s *record.Spec) error { return overrideSpec(c.Flags(), s) }
	spec := flags
	var err error
	switch {
	case from.resume != "":
		if spec, err = resumedSpec(from.resume); err != nil {
			return spec, err
		}
		if err := override(&spec); err != nil {
			return spec, usageError{err}
		}
		// A multistep schedule lasts as long as its run; a cosine of another length is another one.
		if spec.Schedule != "cosine" && spec.ScheduleEpochs > 0 && !changed("schedule_epochs") {
			spec.ScheduleEpochs = max(spec.ScheduleEpochs, spec.Epochs)
		}
	case from.file != "":
		text, path, err := project.ReadSpec(from.file)
		if err != nil {
			return spec, err
		}
		if spec, err = record.DecodeSpec(bytes.NewReader(text), changed, override); err != nil {
			return spec, fmt.Errorf("%s: %w", path, err)
		}
	default:
		spec.Complete(changed)
	}
	spec = spec.Resolve()
	if spec.Name == "" {
		spec.Name = spec.DefaultName()
	}
	if err := spec.Validate(); err != nil {
		return spec, usageError{err}
	}
	return spec, nil
}

// resumedSpec returns the specification of a run's folder, or of a folder of several.
func resumedSpec(out string) (record.Spec, error) {
	seeds, spec, err := train.FindSeeds(out)
	if err != nil {
		return record.Spec{}, err
	}
	if spec != nil {
		return spec.Resolve(), nil
	}
	if len(seeds) > 0 {
		return record.Spec{}, fmt.Errorf(
			"nothing to resume: no run in %s was begun; give the specification and --seeds without --resume", out)
	}
	// A record that cannot be read is no loss: the checkpoint has it too.
	own, err := train.SpecOf(out)
	if err != nil {
		return record.Spec{}, fmt.Errorf("nothing to resume: %w", err)
	}
	return own.Resolve(), nil
}

// overrideSpec sets the fields of spec whose flags were given.
func overrideSpec(given *pflag.FlagSet, spec *record.Spec) error {
	var err error
	fields := pflag.NewFlagSet("specification", pflag.ContinueOnError)
	addSpecFlags(fields, spec)
	fields.VisitAll(func(f *pflag.Flag) {
		if given.Changed(f.Name) && err == nil {
			err = f.Value.Set(strings.Trim(given.Lookup(f.Name).Value.String(), "[]"))
		}
	})
	return err
}
