package train

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gocollapse/collapse/models"
	"github.com/gocollapse/collapse/nc"
)

// State is everything that continues a run: the network's values and what the optimiser
// keeps for them, in the graph's layouts.
type State struct {
	Values [][]float32 // of the network's Tensors, in their order
	Slots  []Slot
	Steps  int64 // of the optimiser so far
}

// Slot is what an optimiser keeps for each trained tensor, in their order.
type Slot struct {
	Name   string // Momentum, or FirstMoment and SecondMoment
	Values [][]float32
}

// State returns a copy of the state from the device.
func (e *Engine) State() (*State, error) {
	var err error
	read := func(ts []*tensors.Tensor) [][]float32 {
		out := make([][]float32, len(ts))
		for i, t := range ts {
			v, cerr := tensors.CopyFlatData[float32](t)
			err = errors.Join(err, cerr)
			out[i] = v
		}
		return out
	}
	d, n := e.devices[0], e.builder.parameters()
	s := &State{Values: read(d.values), Steps: e.steps}
	for i, name := range slotNames(e.builder.spec) {
		s.Slots = append(s.Slots, Slot{name, read(d.slots[i*n : (i+1)*n])})
	}
	if err != nil {
		return nil, fmt.Errorf("train: reading the state from the device: %w", err)
	}
	return s, nil
}

// SetState replaces the state. Slots must be those that State returns. A state that does not fit is
// an error that changes nothing.
func (e *Engine) SetState(s *State) error {
	var names []string
	for _, slot := range s.Slots {
		names = append(names, slot.Name)
	}
	if want := slotNames(e.builder.spec); !slices.Equal(names, want) {
		return fmt.Errorf("train: the state has slots %q, optimizer %s keeps %q", names, e.builder.spec.Optimizer, want)
	}
	all := e.Network.Tensors
	parameters := trained(e.Network, all)
	fits := func(what string, ts []models.Tensor, values [][]float32) error {
		if len(values) != len(ts) {
			return fmt.Errorf("train: the state has %d tensors of %s, want %d", len(values), what, len(ts))
		}
		for i, t := range ts {
			if len(values[i]) != t.Size() {
				return fmt.Errorf("train: the state's %s of %s has %d numbers, want %d", what, t.Name, len(values[i]),
					t.Size())
			}
		}
		return nil
	}
	if err := fits("values", all, s.Values); err != nil {
		return err
	}
	var slots [][]float32
	var shapes []models.Tensor
	for _, slot := range s.Slots {
		if err := fits(slot.Name, parameters, slot.Values); err != nil {
			return err
		}
		slots, shapes = append(slots, slot.Values...), append(shapes, parameters...)
	}
	for i, d := range e.devices {
		newValues, err := upload(e.backend, i, all, s.Values)
		if err != nil {
			return err
		}
		newSlots, err := upload(e.backend, i, shapes, slots)
		if err != nil {
			return errors.Join(err, free(newValues))
		}
		if err := errors.Join(replace(&d.values, newValues), replace(&d.slots, newSlots)); err != nil {
			return err
		}
	}
	e.steps = s.Steps
	return nil
}

// Classifier returns the network's last layer as package nc takes it. With head etf
// it is the fixed weight, without a bias.
func (e *Engine) Classifier() (*nc.Classifier, error) {
	c := &nc.Classifier{K: e.Network.Classes, D: e.Network.Features}
	weight, bias := e.Network.Classifier()
	for i, dst := range map[int]*[]float64{weight: &c.W, bias: &c.B} {
		if i < 0 {
			continue
		}
		v, err := tensors.CopyFlatData[float32](e.devices[0].values[i])
		if err != nil {
			return nil, fmt.Errorf("train: reading %s from the device: %w", e.Network.Tensors[i].Name, err)
		}
		for _, x := range v {
			*dst = append(*dst, float64(x))
		}
	}
	return c, nil
}
