package record

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Field describes a field of a specification. The flags of collapse train, the errors of Validate
// and the table in docs/records.md come from these descriptions.
//
// Texts have names and other fields' keys in backquotes, as in Markdown.
type Field struct {
	Key     string   // in JSON
	Group   string   // one of FieldGroups
	Names   []string // that a text may be
	Range   Interval // that a number must be in
	Values  string   // in words, what Names and Range do not say
	Zero    any      // what "" or 0 means, where it means another value
	Of      string   // key of the field that gives this one a meaning, or ""
	With    []string // the names in Of with which it has one; with others it must not be given
	Meaning string
	Hint    string // about the values, for help and errors, or ""
	Default string // in words, where it depends on another field
	Later   bool   // the first records of version 1 do not have it

	check func(*Spec) error // what Names and Range do not check, or nil
	index []int             // in Spec, for package reflect
	kind  reflect.Kind
}

// FieldGroups lists the groups of fields in the order in which people read them.
var FieldGroups = []string{
	runGroup, imageGroup, networkGroup, lossGroup, optimiserGroup, scheduleGroup, computationGroup,
}

// Fields returns the fields of a specification in the order of its JSON.
func Fields() []Field { return slices.Clone(fields) }

// FieldByKey returns the field of a JSON key and whether there is one.
func FieldByKey(key string) (Field, bool) {
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Key == key })
	if i < 0 {
		return Field{}, false
	}
	return fields[i], true
}

// Pointer returns a pointer to the field in s: *string, *int, *int64, *float64, *bool, *[]int or
// *map[string]float64.
func (f Field) Pointer(s *Spec) any { return f.value(s).Addr().Interface() }

// Text is the field's value in s.
func (f Field) Text(s Spec) string { return fmt.Sprint(f.value(&s)) }

func (f Field) value(s *Spec) reflect.Value { return reflect.ValueOf(s).Elem().FieldByIndex(f.index) }

// applies says whether the field has a meaning in s.
func (f Field) applies(s *Spec) bool {
	if f.Of == "" {
		return true
	}
	of, _ := FieldByKey(f.Of)
	return slices.Contains(f.With, of.value(s).String())
}

// Allowed says what the field may be.
func (f Field) Allowed() string {
	switch {
	case f.Values != "":
		return f.Values
	case f.Names != nil:
		return "`" + strings.Join(f.Names, "`, `") + "`"
	case f.kind == reflect.Bool:
		return "true, false"
	case f.Number():
		return f.Range.String()
	}
	return f.Range.whole()
}

// Number says whether the field is a number that need not be whole.
func (f Field) Number() bool { return f.kind == reflect.Float64 }

// Restricted says whether the field may not be any value of its type.
func (f Field) Restricted() bool {
	return f.kind != reflect.Bool && f.Values != anyText && f.Values != anyWhole
}

// DefaultText is the field's value in DefaultSpec, or in words where it depends on another field.
func (f Field) DefaultText() string {
	s := DefaultSpec()
	switch v := f.value(&s); {
	case f.Default != "":
		return f.Default
	case f.kind == reflect.String:
		return "`" + cmp.Or(v.String(), `""`) + "`"
	case f.kind == reflect.Map:
		return ""
	case f.kind == reflect.Slice:
		return strings.ReplaceAll(fmt.Sprint(v), " ", ", ")
	default:
		return fmt.Sprint(v)
	}
}

// Interval is a range of numbers.
type Interval struct {
	Low, High         float64
	OpenLow, OpenHigh bool
	OrZero            bool // 0 is allowed too
}

// Has says whether v is in the interval. NaN and infinities never are.
func (i Interval) Has(v float64) bool {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return false
	case i.OrZero && v == 0:
		return true
	}
	return v >= i.Low && v <= i.High && !(i.OpenLow && v == i.Low) && !(i.OpenHigh && v == i.High)
}

// String is the interval in the usual notation: (0, 1], [0, ∞), 0 or [1, ∞).
func (i Interval) String() string {
	open, close := "[", "]"
	if i.OpenLow {
		open = "("
	}
	high := number(i.High)
	if math.IsInf(i.High, 1) {
		high, close = "∞", ")"
	} else if i.OpenHigh {
		close = ")"
	}
	text := open + number(i.Low) + ", " + high + close
	if i.OrZero {
		text = "0 or " + text
	}
	return text
}

// whole is the interval for whole numbers: 1 to 1024, whole numbers from 0.
func (i Interval) whole() string {
	if math.IsInf(i.High, 1) {
		return fmt.Sprintf("whole numbers from %.0f", i.Low)
	}
	return fmt.Sprintf("%.0f to %.0f", i.Low, i.High)
}

// described finds the described fields in Spec and puts them in the order of its JSON.
func described(groups ...[]Field) []Field {
	all := slices.Concat(groups...)
	var order []Field
	var walk func(t reflect.Type, index []int)
	walk = func(t reflect.Type, index []int) {
		for n := range t.NumField() {
			f, at := t.Field(n), append(slices.Clone(index), n)
			if f.Anonymous {
				walk(f.Type, at)
				continue
			}
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			i := slices.IndexFunc(all, func(d Field) bool { return d.Key == key })
			if i < 0 {
				panic("record: no description of field " + key)
			}
			all[i].index, all[i].kind = at, f.Type.Kind()
			order = append(order, all[i])
		}
	}
	walk(reflect.TypeFor[Spec](), nil)
	return order
}
