package v1alpha1

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Positions holds, for each part of a status, the place in the order of the event that it shows. It is the memory of the fold,
// and nothing that people or other programs act on.
//
// In JSON it is one string: for each field of an object the API server checks a type, at every write. The string is JSON in
// turn, such as
//
//	{"e":["evt_1","evt_2"],"p":{"profile":{"a":"State","c":1767225600,"e":1,"r":[{"e":0,"c":1767225590,"b":"none","f":"1f6a20:9d"}]}}}
//
// where e lists the ids of the events, which parts share, and p has the positions by part. Equal Positions have equal strings.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:MaxLength=262144
type Positions map[string]Position

// encodedPositions is the JSON inside of the string.
type encodedPositions struct {
	Events []string                   `json:"e"`
	Parts  map[string]encodedPosition `json:"p"`
}

type encodedPosition struct {
	Authority Authority           `json:"a,omitempty"`
	Created   int64               `json:"c"` // in Unix seconds
	Rank      int32               `json:"n,omitempty"`
	Event     int                 `json:"e"` // the index of its id
	Doubt     Doubt               `json:"d,omitempty"`
	Recent    []encodedTransition `json:"r,omitempty"`
}

type encodedTransition struct {
	Event   int    `json:"e"`
	Created int64  `json:"c"`
	Rank    int32  `json:"n,omitempty"`
	Before  string `json:"b,omitempty"`
	After   string `json:"f,omitempty"`
}

// MarshalJSON returns the positions as a JSON string.
func (p Positions) MarshalJSON() ([]byte, error) {
	encoded := encodedPositions{Parts: make(map[string]encodedPosition, len(p))}
	index := map[string]int{}
	indexOf := func(id string) int {
		i, known := index[id]
		if !known {
			i = len(encoded.Events)
			index[id], encoded.Events = i, append(encoded.Events, id)
		}
		return i
	}
	for _, part := range slices.Sorted(maps.Keys(p)) {
		position := p[part]
		e := encodedPosition{
			Authority: position.Authority, Created: position.Created.Unix(), Rank: position.Rank, Event: indexOf(position.EventID), Doubt: position.Doubt,
		}
		for _, t := range position.Recent {
			e.Recent = append(e.Recent, encodedTransition{
				Event: indexOf(t.EventID), Created: t.Created.Unix(), Rank: t.Rank, Before: t.StateBefore, After: t.StateAfter,
			})
		}
		encoded.Parts[part] = e
	}
	text, err := json.Marshal(encoded)
	if err != nil {
		return nil, err
	}
	return json.Marshal(string(text))
}

// UnmarshalJSON reads what MarshalJSON returns. It reads anything else as no positions: an error would keep a program from
// reading every object of the list, and without positions one status takes whatever event comes next.
func (p *Positions) UnmarshalJSON(data []byte) error {
	*p = nil
	if decoded, err := decodePositions(data); err == nil {
		*p = decoded
	}
	return nil
}

func decodePositions(data []byte) (Positions, error) {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return nil, err
	}
	var encoded encodedPositions
	if err := json.Unmarshal([]byte(text), &encoded); err != nil {
		return nil, err
	}
	decoded := make(Positions, len(encoded.Parts))
	for part, e := range encoded.Parts {
		position, err := e.decode(encoded.Events)
		if err != nil {
			return nil, err
		}
		decoded[part] = position
	}
	return decoded, nil
}

func (e encodedPosition) decode(events []string) (Position, error) {
	position := Position{Authority: e.Authority, Created: metav1.Unix(e.Created, 0), Rank: e.Rank, Doubt: e.Doubt}
	var err error
	if position.EventID, err = eventAt(events, e.Event); err != nil {
		return position, err
	}
	for _, r := range e.Recent {
		t := Transition{Created: metav1.Unix(r.Created, 0), Rank: r.Rank, Trace: Trace{StateBefore: r.Before, StateAfter: r.After}}
		if t.EventID, err = eventAt(events, r.Event); err != nil {
			return position, err
		}
		position.Recent = append(position.Recent, t)
	}
	return position, nil
}

func eventAt(events []string, i int) (string, error) {
	if i < 0 || i >= len(events) {
		return "", fmt.Errorf("event %d of %d", i, len(events))
	}
	return events[i], nil
}
