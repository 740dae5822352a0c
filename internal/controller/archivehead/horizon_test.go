package archivehead

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/internal/archivenote"
)

func TestGoneBefore(t *testing.T) {
	const day = 24 * time.Hour
	now := may.Add(60 * day)
	for name, tc := range map[string]struct {
		data      map[string]string // nil without a ConfigMap
		retention time.Duration
		want      time.Time
	}{
		"nothing was ever deleted":                 {nil, 0, time.Time{}},
		"there is no ConfigMap yet":                {nil, 45 * day, now.Add(-45 * day)},
		"nothing was deleted yet":                  {map[string]string{"goneBefore": ""}, 45 * day, time.Time{}},
		"events were deleted":                      {map[string]string{"goneBefore": "2026-05-01T00:00:00Z"}, 0, may},
		"events are deleted":                       {map[string]string{"goneBefore": "2026-05-01T00:00:00Z"}, 45 * day, may},
		"events were deleted with a shorter time":  {map[string]string{"goneBefore": "2026-05-01T00:00:00Z"}, 90 * day, may},
		"an archive was begun and nothing deleted": {map[string]string{"batch": "1", "sha256": "aa"}, 0, time.Time{}},
		"it cannot be read":                        {map[string]string{"goneBefore": "May"}, 0, now},
	} {
		t.Run(name, func(t *testing.T) {
			builder := fake.NewClientBuilder()
			if tc.data != nil {
				builder.WithObjects(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: archivenote.ConfigMap}, Data: tc.data})
			}
			h := Horizon{Store: Store{Reader: builder.Build(), Namespace: namespace}, Retention: tc.retention, Clock: testingclock.NewFakePassiveClock(now)}
			got, err := h.GoneBefore(t.Context())
			if err != nil || !got.Equal(tc.want) {
				t.Errorf("got %v, %v, want %v", got, err, tc.want)
			}
		})
	}
}
