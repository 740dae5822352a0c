package events

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestSetupIntentFailed(t *testing.T) {
	testType(t, "setup_intent.failed", showsSetup, setupFailures())
}

// Stripe's real name is setup_intent.setup_failed: both must have the same effect.
func TestSetupIntentFailedIsSetupFailed(t *testing.T) {
	for _, name := range payloads(t, "setup_intent.failed") {
		t.Run(name, func(t *testing.T) {
			var folded [2]projection.Aggregate
			var events [2]*projection.Event
			for i, eventType := range []string{"setup_intent.setup_failed", "setup_intent.failed"} {
				body := payload(t, "setup_intent.setup_failed", name)
				body = bytes.Replace(body, []byte(`"setup_intent.setup_failed"`), []byte(`"`+eventType+`"`), 1)
				e, err := decoder.Decode(body)
				if err != nil || e.Type != eventType {
					t.Fatalf("type %q, error %v", e.Type, err)
				}
				projection.Fold(&folded[i], []projection.Change{Change(e)})
				folded[i].Customer.LastEvent.Type, e.Type, e.PayloadSHA256 = "", "", ""
				events[i] = e
			}
			if diff := cmp.Diff(events[0], events[1]); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(folded[0], folded[1]); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		})
	}
}
