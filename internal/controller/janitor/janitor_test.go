package janitor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	retention = 30 * 24 * time.Hour
	maxAge    = 96 * time.Hour
	never     = time.Duration(-1)
)

var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *metav1.Time { return new(metav1.NewTime(begin.Add(d))) }

// runUntilGone reconciles the object whenever the controller asks for it, and returns how long after begin it is
// deleted; never if the controller does not ask any more.
func runUntilGone(
	t *testing.T, object client.Object, others []client.Object, reconcile func(*Reconciler, context.Context, ctrl.Request) (ctrl.Result, error),
) time.Duration {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	clock := clocktesting.NewFakePassiveClock(begin)
	cluster := fake.NewClientBuilder().WithScheme(scheme).WithObjects(append(others, object)...).Build()
	r := &Reconciler{Client: cluster, Clock: clock, Retention: retention, MaxAge: maxAge}
	for range 10 {
		result, err := reconcile(r, t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(object)})
		if err != nil {
			t.Fatal(err)
		}
		if apierrors.IsNotFound(cluster.Get(t.Context(), client.ObjectKeyFromObject(object), object)) {
			return clock.Since(begin)
		}
		if result.RequeueAfter == 0 {
			return never
		}
		clock.SetTime(clock.Now().Add(result.RequeueAfter))
	}
	t.Fatal("it is reconciled again and again")
	return never
}

func TestEmails(t *testing.T) {
	accepted := v1alpha1.EmailStatus{SentAt: at(time.Minute)}
	expired := func(since time.Duration) v1alpha1.EmailStatus {
		return v1alpha1.EmailStatus{Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionSent, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonExpired, LastTransitionTime: *at(since)},
		}}
	}
	attempt := func(outcome v1alpha1.AttemptOutcome) v1alpha1.EmailStatus {
		return v1alpha1.EmailStatus{Attempt: &v1alpha1.EmailAttempt{ClaimedAt: *at(time.Minute), Outcome: outcome}}
	}
	for name, tc := range map[string]struct {
		status     v1alpha1.EmailStatus
		sendBefore *metav1.Time
		signup     *v1alpha1.Signup
		want       time.Duration
	}{
		"not begun":                         {v1alpha1.EmailStatus{}, at(maxAge), nil, never},
		"in progress":                       {attempt(v1alpha1.AttemptOpen), at(maxAge), nil, never},
		"not accepted":                      {attempt(v1alpha1.AttemptNotAccepted), at(maxAge), nil, never},
		"not known":                         {attempt(v1alpha1.AttemptUnknown), at(maxAge), nil, never},
		"sent":                              {accepted, at(maxAge), nil, retention + time.Minute},
		"rejected":                          {attempt(v1alpha1.AttemptRejected), at(maxAge), nil, retention + time.Minute},
		"expired at its deadline":           {expired(0), at(maxAge), nil, retention + maxAge},
		"expired later":                     {expired(2 * maxAge), at(maxAge), nil, retention + 2*maxAge},
		"expired, of an earlier version":    {expired(time.Hour), nil, nil, retention + time.Hour},
		"sent, with a deadline far away":    {accepted, at(2 * retention), nil, 2 * retention},
		"sent, and a later sign-up counts":  {accepted, at(maxAge), &v1alpha1.Signup{CompletedAt: *at(retention)}, retention + maxAge},
		"sent, and an older sign-up counts": {accepted, at(maxAge), &v1alpha1.Signup{CompletedAt: *at(-retention)}, retention + time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			email := &v1alpha1.Email{
				ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "e", UID: "u", CreationTimestamp: *at(0)},
				Spec:       v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: "c"}, SendBefore: tc.sendBefore}, Status: tc.status,
			}
			var others []client.Object
			if tc.signup != nil {
				others = append(others, &v1alpha1.Customer{
					ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "c"}, Status: v1alpha1.CustomerStatus{Signup: tc.signup},
				})
			}
			got := runUntilGone(t, email, others, (*Reconciler).reconcileEmail)
			if got != tc.want {
				t.Errorf("it is deleted after %s, want %s", got, tc.want)
			}
		})
	}
}

func TestPasswordResets(t *testing.T) {
	token := func(expires time.Duration) v1alpha1.ResetToken { return v1alpha1.ResetToken{ExpiresAt: *at(expires)} }
	for name, tc := range map[string]struct {
		tokens   []v1alpha1.ResetToken
		consumed *metav1.Time
		want     time.Duration
	}{
		"without a link": {nil, nil, retention},
		"a link":         {[]v1alpha1.ResetToken{token(24 * time.Hour)}, nil, retention + 24*time.Hour},
		"two links":      {[]v1alpha1.ResetToken{token(25 * time.Hour), token(24 * time.Hour)}, nil, retention + 25*time.Hour},
		"two links, after --reset-token-ttl was made shorter": {
			[]v1alpha1.ResetToken{token(2 * time.Hour), token(24 * time.Hour)}, nil, retention + 24*time.Hour,
		},
		"a used link": {[]v1alpha1.ResetToken{token(24 * time.Hour)}, at(time.Hour), retention + time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			reset := &v1alpha1.PasswordReset{
				ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "r", UID: "u", CreationTimestamp: *at(0)},
				Spec:       v1alpha1.PasswordResetSpec{Tokens: tc.tokens}, Status: v1alpha1.PasswordResetStatus{ConsumedAt: tc.consumed},
			}
			got := runUntilGone(t, reset, nil, (*Reconciler).reconcilePasswordReset)
			if got != tc.want {
				t.Errorf("it is deleted after %s, want %s", got, tc.want)
			}
		})
	}
}

// A policy refuses the deletion: it is tried every hour, and the log says once an hour what to do.
func TestADeletionThatIsRefused(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for name, refusal := range map[string]error{
		"by a role":   apierrors.NewForbidden(schema.GroupResource{Resource: "emails"}, "e0", errors.New("no right")),
		"by a policy": apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("Email").GroupKind(), "e0", nil),
		"by a webhook, with the code of a conflict": &apierrors.StatusError{ErrStatus: metav1.Status{
			Code: 409, Reason: metav1.StatusReasonConflict, Message: `admission webhook "hold.example.com" denied the request`,
		}},
	} {
		var lines []string
		ctx := ctrl.LoggerInto(t.Context(), funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
		builder := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
			Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error { return refusal },
		})
		for _, email := range []string{"e0", "e1"} {
			builder.WithObjects(&v1alpha1.Email{
				ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: email, UID: types.UID(email)}, Status: v1alpha1.EmailStatus{SentAt: at(-2 * retention)},
			})
		}
		clock := clocktesting.NewFakePassiveClock(begin)
		r := &Reconciler{Client: builder.Build(), Clock: clock, Retention: retention, MaxAge: maxAge}
		for n, email := range []string{"e0", "e1", "e0", "e1"} {
			clock.SetTime(begin.Add(time.Duration(n) * refusedInterval / 3)) // the last one an hour after the first
			result, err := r.reconcileEmail(ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "n", Name: email}})
			if err != nil || result.RequeueAfter != refusedInterval {
				t.Errorf("%s: it is tried again after %s, %v", name, result.RequeueAfter, err)
			}
		}
		if len(lines) != 2 || !strings.Contains(lines[0], `"object"="e0"`) || !strings.Contains(lines[1], `"object"="e1"`) ||
			!strings.Contains(lines[0], "apply the manifests of this version") {
			t.Errorf("%s: the log is %q", name, lines)
		}
	}
}
