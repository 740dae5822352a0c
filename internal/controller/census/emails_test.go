package census

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestUnsentEmails(t *testing.T) {
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	email := func(age time.Duration, change ...func(*v1alpha1.Email)) v1alpha1.Email {
		e := v1alpha1.Email{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(noon.Add(-age))}}
		for _, do := range change {
			do(&e)
		}
		return e
	}
	waits := func(reason string) func(*v1alpha1.Email) {
		return func(e *v1alpha1.Email) { e.Status.Conditions = conditions(is("Sent", "False", reason)) }
	}
	got := countUnsent([]v1alpha1.Email{
		email(time.Second),
		email(time.Minute, waits("Retrying")),
		email(2*time.Minute, waits("Retrying")),
		email(time.Hour, waits("EmailsOff")),
		email(2*time.Hour, waits("RecipientLimited")),
		email(2*time.Hour, waits("SignupNotConfirmed")),
		email(3*time.Hour, waits("Rejected"), func(e *v1alpha1.Email) {
			e.Status.Attempt = &v1alpha1.EmailAttempt{Outcome: v1alpha1.AttemptRejected}
		}),
		email(4*time.Hour, func(e *v1alpha1.Email) { e.Status.SentAt = new(metav1.NewTime(noon)) }),
		email(5*time.Hour, waits("Expired")),
		email(6*time.Hour, func(e *v1alpha1.Email) { e.DeletionTimestamp = new(metav1.NewTime(noon)) }),
	}, noon)
	want := unsent{
		byReason: map[string]int{"Pending": 1, "Retrying": 2, "EmailsOff": 1, "RecipientLimited": 1, "SignupNotConfirmed": 1}, oldest: 2 * time.Minute,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(unsent{})); diff != "" {
		t.Errorf("unsent (-want +got):\n%s", diff)
	}
}
