package v1alpha1

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPositionsInJSON(t *testing.T) {
	at := func(s int64) metav1.Time { return metav1.NewTime(time.Unix(1767225600+s, 0)) }
	status := SubscriptionStatus{Positions: Positions{
		"failure": {Authority: AuthorityHint, Created: at(0), Rank: -1, EventID: "evt_1"},
		"state": {
			Authority: AuthorityState, Created: at(2), Rank: 2, EventID: "evt_2", Doubt: DoubtTie,
			Recent: []Transition{
				{EventID: "evt_1", Created: at(0), Rank: 1, Trace: Trace{StateBefore: StateNone, StateAfter: "1f6a20:a"}},
				{EventID: "evt_2", Created: at(2), Rank: 2, Trace: Trace{StateAfter: "1f6a20:b"}},
			},
		},
	}}
	text, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	want := `"memory":"{\"e\":[\"evt_1\",\"evt_2\"],\"p\":{\"failure\":{\"a\":\"Hint\",\"c\":1767225600,\"n\":-1,\"e\":0},` +
		`\"state\":{\"a\":\"State\",\"c\":1767225602,\"n\":2,\"e\":1,\"d\":\"Tie\",\"r\":[` +
		`{\"e\":0,\"c\":1767225600,\"n\":1,\"b\":\"none\",\"f\":\"1f6a20:a\"},{\"e\":1,\"c\":1767225602,\"n\":2,\"f\":\"1f6a20:b\"}]}}}"`
	if !strings.Contains(string(text), want) {
		t.Errorf("got %s, want %s in it", text, want)
	}
	var got SubscriptionStatus
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(status, got); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}

func TestPositionsOfAnotherForm(t *testing.T) {
	for _, text := range []string{
		`null`,
		`{}`, `"{}"`, `""`, `"nonsense"`, `5`,
		`"{\"p\":{\"state\":{\"e\":0}}}"`,
		`"{\"e\":[\"evt_1\"],\"p\":{\"state\":{\"e\":-1}}}"`,
		`"{\"e\":[\"evt_1\"],\"p\":{\"state\":{\"e\":0,\"r\":[{\"e\":1}]}}}"`,
	} {
		status := SubscriptionStatus{Positions: Positions{"state": {}}}
		if err := json.Unmarshal([]byte(`{"plan":"pro","memory":`+text+`}`), &status); err != nil || len(status.Positions) > 0 || status.Plan != "pro" {
			t.Errorf("%s: positions %v, error %v", text, status.Positions, err)
		}
	}
}

// The fullest status that the fold makes keeps within the bound of its positions.
func TestTheMostPositionsFit(t *testing.T) {
	p, longest := Positions{}, strings.Repeat("x", 32)
	for i := range 128 {
		position := Position{Authority: AuthorityMention, EventID: fmt.Sprintf("evt_%027d", i), Doubt: DoubtRefuted, Rank: 1 << 30}
		for j := range 8 {
			position.Recent = append(position.Recent, Transition{
				EventID: fmt.Sprintf("evt_%027d", i*8+j), Rank: 1 << 30, Trace: Trace{StateBefore: longest, StateAfter: longest},
			})
		}
		p[fmt.Sprintf("paymentMethod/pm_%024d", i)] = position
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var inner string
	if err := json.Unmarshal(text, &inner); err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d bytes", len(inner)); len(inner) > 262144 {
		t.Errorf("%d bytes, and the schema allows 262144", len(inner))
	}
}
