package record

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gocollapse/collapse/internal/edit"
)

// Validate reports every fault of the specification at once, each with the field, what was found
// and what is allowed, for a name also the nearest one. It returns nil for a valid one.
func (s Spec) Validate() error {
	s = s.Resolve()
	var errs []error
	for _, f := range fields {
		if f.Group != lossGroup {
			errs = append(errs, f.validate(&s))
		}
	}
	errs = append(errs, s.Loss.Validate(), s.validateImages(), s.validateSteps(), s.validatePenalty(),
		s.validateSchedule())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("specification %q: %w", s.Name, err)
	}
	return nil
}

// validate reports a value that the field's description does not allow.
func (f Field) validate(s *Spec) error {
	v := f.value(s)
	if !f.applies(s) {
		if v.IsZero() || (v.Kind() == reflect.Slice && v.Len() == 0) || f.Zero == v.Interface() {
			return nil
		}
		of, _ := FieldByKey(f.Of)
		return misplaced(f.Key, v, f.Of, of.value(s).String(), f.With)
	}
	switch {
	case f.check != nil:
		return f.check(s)
	case f.Names != nil:
		return knownName(f.Key, v.String(), f.Names, "")
	case f.Values != "":
		return nil
	case v.CanInt() && !f.Range.Has(float64(v.Int())), v.CanFloat() && !f.Range.Has(v.Float()):
		return outside(f.Key, v, f.Allowed(), f.Hint)
	}
	return nil
}

// knownName reports a name that is not in the list; more says what else is allowed.
func knownName(key, name string, list []string, more string) error {
	if slices.Contains(list, name) {
		return nil
	}
	return fmt.Errorf("%s: unknown %q; did you mean %s? Known are %s%s",
		key, name, edit.Nearest(name, list), strings.Join(list, ", "), more)
}

// outside reports a number that is outside its range.
func outside(key string, v any, allowed, hint string) error {
	if hint != "" {
		hint = "; " + hint
	}
	return fmt.Errorf("%s: %v is outside %s%s", key, v, allowed, hint)
}

// misplaced reports a value that was given with a name of another field with which it has no
// meaning.
func misplaced(key string, v any, of, name string, with []string) error {
	return fmt.Errorf("%s: %v given with %s %s; it belongs to %s %s", key, v, of, name, of, strings.Join(with, ", "))
}

// checkDataset reports a data set that is neither a known name nor a prefix and a path.
func checkDataset(s *Spec) error {
	for _, p := range Prefixes {
		if path, ok := strings.CutPrefix(s.Dataset, p); ok && path != "" {
			return nil
		}
	}
	return knownName("dataset", s.Dataset, Datasets, ", and "+strings.Join(Prefixes, "PATH, ")+"PATH")
}

// checkMilestones reports milestones that do not ascend from 1.
func checkMilestones(s *Spec) error {
	for i, m := range s.Milestones {
		if m < 1 || (i > 0 && m <= s.Milestones[i-1]) {
			return fmt.Errorf("milestones: %v must be positive and ascend", s.Milestones)
		}
	}
	return nil
}

// checkMeasure reports a rule that Measured cannot follow.
func checkMeasure(s *Spec) error {
	_, err := parseMeasure(s.Measure)
	return err
}

// validateImages reports a size for images that are not scaled.
func (s Spec) validateImages() error {
	folder := Prefixes[0]
	if s.Resize == 0 || strings.HasPrefix(s.Dataset, folder) {
		return nil
	}
	return misplaced("resize", s.Resize, "dataset", s.Dataset, []string{folder + "PATH"})
}

// validateSteps reports settings of a step that contradict each other.
func (s Spec) validateSteps() error {
	var errs []error
	if parts := s.Accumulate * s.Devices; parts > 1 && (s.Batch%parts != 0 || s.Batch/parts < 2) {
		errs = append(errs, fmt.Errorf(
			"batch: %d does not divide into %d equal parts of at least 2 (accumulate × devices)", s.Batch, parts))
	}
	if s.Nesterov && s.Momentum == 0 {
		errs = append(errs, errors.New("nesterov: needs a momentum above 0"))
	}
	return errors.Join(errs...)
}

// validatePenalty reports L2 terms that contradict each other or the head.
func (s Spec) validatePenalty() error {
	var errs []error
	if s.UFM() && s.Decay > 0 {
		errs = append(errs, fmt.Errorf(
			"decay: %v given with the UFM's penalty (lambda_w, lambda_h, lambda_b), which replaces it; give decay 0",
			s.Decay))
	}
	if s.Head == "etf" && (s.LambdaW > 0 || s.LambdaB > 0) {
		errs = append(errs, errors.New(
			"lambda_w, lambda_b: head etf has a fixed weight and no bias; only lambda_h goes with it"))
	}
	return errors.Join(errs...)
}

// validateSchedule reports a schedule that does not cover the run or its own milestones. An older
// record does not say how long its schedule was.
func (s Spec) validateSchedule() error {
	last := 0
	if len(s.Milestones) > 0 {
		last = s.Milestones[len(s.Milestones)-1]
	}
	switch {
	case s.ScheduleEpochs == 0 && s.Schedule == "cosine":
		return errors.New("schedule_epochs: schedule cosine needs its length")
	case s.ScheduleEpochs == 0:
		return nil
	case s.ScheduleEpochs < s.Epochs:
		return fmt.Errorf("schedule_epochs: a schedule of %d epochs ends before the run's %d",
			s.ScheduleEpochs, s.Epochs)
	case last >= s.ScheduleEpochs:
		return fmt.Errorf("milestones: %d is beyond the %d epochs of the schedule; "+
			"if the run is the beginning of a longer schedule, give its length as schedule_epochs",
			last, s.ScheduleEpochs)
	}
	return nil
}
