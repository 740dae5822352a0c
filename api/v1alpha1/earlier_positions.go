package v1alpha1

import "encoding/json"

// EarlierPositions are Positions as versions before status.memory stored them, in status.positions: an object, with a field for each
// part of the status. The field keeps its name and type, so that such a version can work under the CRDs of a later one: during an
// upgrade, and after a rollback.
type EarlierPositions map[string]Position

// UnmarshalJSON reads what earlier versions stored, and anything else as no positions, as Positions does.
func (p *EarlierPositions) UnmarshalJSON(data []byte) error {
	*p = nil
	var object map[string]Position
	if json.Unmarshal(data, &object) == nil {
		*p = object
	} else if positions, err := decodePositions(data); err == nil { // of a few commits that were never released
		*p = EarlierPositions(positions)
	}
	return nil
}

// TakeEarlier makes the positions of an earlier version the status's own. They win if both are there: only an earlier version writes
// them, and it drops the memory, which it does not know.
func (s *CustomerStatus) TakeEarlier() { takeEarlier(&s.Positions, &s.EarlierPositions) }

// TakeEarlier does what that of CustomerStatus does.
func (s *SubscriptionStatus) TakeEarlier() { takeEarlier(&s.Positions, &s.EarlierPositions) }

func takeEarlier(positions *Positions, earlier *EarlierPositions) {
	if len(*earlier) > 0 {
		*positions = Positions(*earlier)
	}
	*earlier = nil
}
