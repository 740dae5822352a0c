package email

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// The links of an attempt that Mailgun did not accept go, and no others. In the last two cases the customer has a link: this process
// has read attempt 1, and another one has sent the link of attempt 2 since; or the Email was made again, and counts anew.
func TestSentTokens(t *testing.T) {
	token := func(name string, uid string, attempt int32) v1alpha1.ResetToken {
		return v1alpha1.ResetToken{SHA256: name, Attempt: &v1alpha1.SendingAttempt{EmailUID: uid, Number: attempt}}
	}
	notAccepted := func(number int32) *v1alpha1.EmailAttempt {
		return &v1alpha1.EmailAttempt{Number: number, Outcome: v1alpha1.AttemptNotAccepted}
	}
	one, two, twin, other := token("one", "now", 1), token("two", "now", 2), token("twin", "now", 2), token("other", "before", 1)
	earlier := v1alpha1.ResetToken{SHA256: "earlier"}
	for name, tc := range map[string]struct {
		tokens []v1alpha1.ResetToken
		last   *v1alpha1.EmailAttempt
		want   []v1alpha1.ResetToken
	}{
		"no attempt":                      {[]v1alpha1.ResetToken{one}, nil, []v1alpha1.ResetToken{one}},
		"its outcome is not known":        {[]v1alpha1.ResetToken{one}, &v1alpha1.EmailAttempt{Number: 1}, []v1alpha1.ResetToken{one}},
		"it was not accepted":             {[]v1alpha1.ResetToken{one}, notAccepted(1), []v1alpha1.ResetToken{}},
		"two processes made its links":    {[]v1alpha1.ResetToken{twin, two, one}, notAccepted(2), []v1alpha1.ResetToken{one}},
		"of an earlier version":           {[]v1alpha1.ResetToken{earlier}, notAccepted(1), []v1alpha1.ResetToken{earlier}},
		"a later one was sent, not known": {[]v1alpha1.ResetToken{two, one}, notAccepted(1), []v1alpha1.ResetToken{two}},
		"of the Email before this one":    {[]v1alpha1.ResetToken{one, other}, notAccepted(1), []v1alpha1.ResetToken{other}},
	} {
		email := &v1alpha1.Email{Status: v1alpha1.EmailStatus{Attempt: tc.last}}
		email.UID = "now"
		if diff := cmp.Diff(tc.want, sentTokens(tc.tokens, email)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
