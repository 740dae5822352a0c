package main

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/notice"
	"github.com/tollkeeper/tollkeeper/internal/sink"
)

// The example acts on each state once, in order, and on nothing that is not signed.
func TestReceiver(t *testing.T) {
	secret := []byte("a secret of 24 characters")
	var acted []string
	var failure error
	server := httptest.NewServer(&receiver{secret: secret, acted: map[string]string{}, act: func(e event) error {
		if failure == nil {
			acted = append(acted, e.Subject+" "+e.Data.Entitled)
		}
		return failure
	}})
	defer server.Close()
	state := func(entitled metav1.ConditionStatus, second int64) (id string, body []byte) {
		c := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Name: "cus-ada", UID: "uid"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_Ada"}}
		c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionEntitled, Status: entitled}}
		c.Status.ChangedAt = new(metav1.NewMicroTime(time.Unix(second, 0)))
		body, err := notice.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		return notice.ID(c), body
	}
	send := func(secret []byte, at clock.PassiveClock, entitled metav1.ConditionStatus, second int64) error {
		id, body := state(entitled, second)
		return sink.New(server.URL, func() [][]byte { return [][]byte{[]byte("another secret, on its way"), secret} }, at).Send(t.Context(), id, body)
	}
	now := clock.RealClock{}
	for _, step := range []struct {
		what     string
		secret   string
		at       clock.PassiveClock
		entitled metav1.ConditionStatus
		second   int64
		failure  error
		accepted bool
	}{
		{"the application fails", string(secret), now, "True", 1000, errors.New("busy"), false},
		{"it comes again", string(secret), now, "True", 1000, nil, true},
		{"it comes twice", string(secret), now, "True", 1000, nil, true},
		{"a newer state", string(secret), now, "False", 2000, nil, true},
		{"an older state", string(secret), now, "Unknown", 1500, nil, true},
		{"another secret", "forged", now, "True", 3000, nil, false},
		{"an old signature", string(secret), clocktesting.NewFakePassiveClock(time.Now().Add(-6 * time.Minute)), "True", 3000, nil, false},
	} {
		failure = step.failure
		if err := send([]byte(step.secret), step.at, step.entitled, step.second); (err == nil) != step.accepted {
			t.Errorf("%s: %v", step.what, err)
		}
	}
	if diff := cmp.Diff([]string{"cus_Ada True", "cus_Ada False"}, acted); diff != "" {
		t.Errorf("acted on (-want +got):\n%s", diff)
	}
}
