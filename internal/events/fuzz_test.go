package events

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// FuzzDecode: any body with a valid signature gives an event that can be stored, named and folded, or an error.
func FuzzDecode(f *testing.F) {
	for _, eventType := range handled {
		for _, name := range payloads(f, eventType) {
			f.Add(payload(f, eventType, name))
		}
	}
	f.Add([]byte(thinBody("v1.invoice.paid", `, "context": "acct_1/acct_2", "related_object": {"id": "in_1", "type": "invoice"}`)))
	bounds := loadBounds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if e, err := decoder.Decode(body); err == nil {
			bounds.check(t, e)
		}
	})
}

// FuzzObject: the same for any object and any previous_attributes in an event of a handled type.
func FuzzObject(f *testing.F) {
	for i, eventType := range handled {
		for _, name := range payloads(f, eventType) {
			var envelope struct {
				Data struct {
					Object   json.RawMessage `json:"object"`
					Previous json.RawMessage `json:"previous_attributes"`
				} `json:"data"`
			}
			if err := json.Unmarshal(payload(f, eventType, name), &envelope); err != nil {
				f.Fatal(err)
			}
			f.Add(byte(i), []byte(envelope.Data.Object), []byte(envelope.Data.Previous))
		}
	}
	bounds := loadBounds(f)
	f.Fuzz(func(t *testing.T, kind byte, object, previous []byte) {
		if !json.Valid(object) || len(previous) > 0 && !json.Valid(previous) {
			return
		}
		data := map[string]any{"object": json.RawMessage(object)}
		if len(previous) > 0 {
			data["previous_attributes"] = json.RawMessage(previous)
		}
		body, err := json.Marshal(map[string]any{
			"id": "evt_1", "object": "event", "type": handled[int(kind)%len(handled)], "created": 1700000000, "data": data,
		})
		if err != nil {
			t.Fatal(err)
		}
		if e, err := decoder.Decode(body); err == nil {
			bounds.check(t, e)
		}
	})
}

// bounds are the schemas of the resources that result from an event.
type bounds struct{ spec, customer, subscription schema }

func loadBounds(t testing.TB) bounds {
	return bounds{
		spec: crd(t, "billingevents").Properties["spec"], customer: crd(t, "customers").Properties["status"],
		subscription: crd(t, "subscriptions").Properties["status"],
	}
}

// check validates an event, its name and the resulting statuses. Folding the event again changes nothing.
func (b bounds) check(t *testing.T, e *projection.Event) {
	t.Helper()
	b.spec.check(t, "spec", inJSON(t, e))
	if strings.Contains(e.DecodeError, "which is a bug") {
		t.Errorf("decodeError is %q", e.DecodeError)
	}
	if !utf8.ValidString(e.DecodeError) {
		t.Errorf("decodeError is no UTF-8: %q", e.DecodeError)
	}
	if wrong := validation.IsDNS1123Subdomain(naming.Object(e.Account, e.EventID)); len(wrong) > 0 {
		t.Errorf("the name of %q: %v", e.EventID, wrong)
	}
	var once projection.Aggregate
	projection.Fold(&once, []projection.Change{Change(e)})
	b.customer.check(t, "customer.status", inJSON(t, once.Customer))
	for _, s := range once.Subscriptions {
		b.subscription.check(t, "subscription.status", inJSON(t, s))
	}
	twice := *once.DeepCopy()
	projection.Fold(&twice, []projection.Change{Change(e)})
	if diff := cmp.Diff(once, twice); diff != "" {
		t.Errorf("folded again (-once +twice):\n%s", diff)
	}
}
