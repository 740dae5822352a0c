package customer

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// What this process has written is no change to it; what anything else has written is, and a deletion always is.
func TestEchoes(t *testing.T) {
	at := func(version string) *v1alpha1.Customer {
		c := &v1alpha1.Customer{}
		c.ResourceVersion = version
		return c
	}
	var written ownWrites
	written.add(at("11"))
	written.add(at("12"))
	passes := written.unlessEcho()
	for name, tc := range map[string]struct{ got, want bool }{
		"its own create":      {passes.Create(event.CreateEvent{Object: at("11")}), false},
		"its own update":      {passes.Update(event.UpdateEvent{ObjectOld: at("11"), ObjectNew: at("12")}), false},
		"another's create":    {passes.Create(event.CreateEvent{Object: at("10")}), true},
		"another's update":    {passes.Update(event.UpdateEvent{ObjectOld: at("12"), ObjectNew: at("13")}), true},
		"a deletion":          {passes.Delete(event.DeleteEvent{Object: at("12")}), true},
		"another, not stored": {passes.Create(event.CreateEvent{Object: at("")}), true},
	} {
		if tc.got != tc.want {
			t.Errorf("%s passes: %t", name, tc.got)
		}
	}
}
