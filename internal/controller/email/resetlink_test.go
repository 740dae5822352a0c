package email

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// The links of an attempt that Mailgun did not accept go, and no others. In the last case this process has read attempt 1, and
// another one has sent the link of attempt 2 since: the customer has it.
func TestSentTokens(t *testing.T) {
	token := func(name string, attempt int32) v1alpha1.ResetToken {
		return v1alpha1.ResetToken{SHA256: name, Attempt: attempt}
	}
	notAccepted := func(number int32) *v1alpha1.EmailAttempt {
		return &v1alpha1.EmailAttempt{Number: number, Outcome: v1alpha1.AttemptNotAccepted}
	}
	one, two, twin, earlier := token("one", 1), token("two", 2), token("twin", 2), token("earlier", 0)
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
	} {
		if diff := cmp.Diff(tc.want, sentTokens(tc.tokens, tc.last)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
