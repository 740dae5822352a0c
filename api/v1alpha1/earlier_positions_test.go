package v1alpha1

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A status of an earlier version keeps its memory.
func TestEarlierPositionsAreTaken(t *testing.T) {
	at := metav1.NewTime(time.Unix(1767225600, 0))
	want := Positions{"state": {
		Authority: AuthorityState, Created: at, Rank: 2, EventID: "evt_2", Doubt: DoubtTie,
		Recent: []Transition{{EventID: "evt_1", Created: at, Trace: Trace{StateBefore: StateNone}}},
	}}
	const stored = `{"plan": "pro", "positions": {"state": {"authority": "State", "created": "2026-01-01T00:00:00Z", "rank": 2, "eventID": "evt_2",
		"doubt": "Tie", "recent": [{"eventID": "evt_1", "created": "2026-01-01T00:00:00Z", "rank": 0, "stateBefore": "none"}]}}}`
	var status SubscriptionStatus
	if err := json.Unmarshal([]byte(stored), &status); err != nil {
		t.Fatal(err)
	}
	for range 2 { // nothing is left to take the second time
		status.TakeEarlier()
		if diff := cmp.Diff(SubscriptionStatus{Plan: "pro", Positions: want}, status); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestEarlierPositionsOfAnotherForm(t *testing.T) {
	for _, text := range []string{`null`, `{}`, `5`, `"{}"`, `{"state": 5}`} {
		status := CustomerStatus{EarlierPositions: EarlierPositions{"profile": {}}}
		if err := json.Unmarshal([]byte(`{"plan": "pro", "positions": `+text+`}`), &status); err != nil || len(status.EarlierPositions) > 0 || status.Plan != "pro" {
			t.Errorf("%s: %v, %v", text, status.EarlierPositions, err)
		}
	}
}
