package erasure

import (
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// An erasure that waits for an e-mail looks less and less often.
func TestAnErasureThatWaitsForAnEmail(t *testing.T) {
	email := &v1alpha1.Email{Spec: v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: ada().Name}}}
	email.Namespace, email.Name = namespace, "welcome"
	b := newBench(t, ada(), email)
	for _, step := range []struct{ since, want time.Duration }{
		{0, waitInterval}, {10 * time.Second, waitInterval}, {5 * time.Minute, 30 * time.Second}, {time.Hour, time.Minute}, {240 * time.Hour, time.Minute},
	} {
		b.clock.SetTime(noon.Add(step.since))
		result, err := b.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(ada())})
		if err != nil || result.RequeueAfter != step.want {
			t.Errorf("after %s it looks again after %s (%v), want %s", step.since, result.RequeueAfter, err, step.want)
		}
	}
}
