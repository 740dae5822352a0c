package passwordreset

import (
	"context"
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const customer = "cus-ada-77e243c3"

var (
	now       = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "x"}, "x", errors.New("no"))
)

// objects returns the PasswordReset of a new link, and the Secret of one that an earlier version sent, with the tokens
// of both.
func objects() (reset *v1alpha1.PasswordReset, token string, secret *unstructured.Unstructured, oldToken string) {
	token, oldToken = NewToken(customer), NewToken(customer)
	name := metav1.ObjectMeta{Namespace: "n", Name: ObjectName(customer), UID: "u"}
	reset = &v1alpha1.PasswordReset{ObjectMeta: name, Spec: v1alpha1.PasswordResetSpec{
		CustomerID: "cus_Ada", Account: "acct_1", AddressSHA256: AddressHash("u", "Ada@example.com"), Tokens: []v1alpha1.ResetToken{
			{SHA256: Hash("u", NewToken(customer)), ExpiresAt: metav1.NewTime(now.Add(time.Hour))},
			{SHA256: Hash("u", token), AddressSHA256: AddressHash("u", "ada@example.com"), SealedAddress: Seal("u", token, "ada@example.com"), ExpiresAt: metav1.NewTime(now.Add(time.Hour))},
		},
	}}
	secret = newSecret()
	for key, value := range map[string]string{
		secretKeyHash: secretHash(oldToken), secretKeyExpires: now.Add(time.Hour).Format(time.RFC3339), secretKeyCustomer: "cus_Ada",
	} {
		setSecretValue(secret, key, value)
	}
	return reset, token, secret, oldToken
}

// memory is a cluster with one PasswordReset and one Secret. The errors are the answers to every request for them.
type memory struct {
	reset                 *v1alpha1.PasswordReset
	secret                *unstructured.Unstructured
	resetError, secretErr error
}

func (m memory) Get(_ context.Context, _ types.NamespacedName, into Object) error {
	switch into := into.(type) {
	case *v1alpha1.PasswordReset:
		m.reset.DeepCopyInto(into)
		return m.resetError
	case *unstructured.Unstructured:
		m.secret.DeepCopyInto(into)
		return m.secretErr
	}
	return errors.ErrUnsupported
}

func (m memory) Update(_ context.Context, object Object) error {
	object.(*unstructured.Unstructured).DeepCopyInto(m.secret)
	return nil
}

func (m memory) UpdateStatus(_ context.Context, object Object) error {
	object.(*v1alpha1.PasswordReset).DeepCopyInto(m.reset)
	return nil
}

func TestConsume(t *testing.T) {
	noKind := &meta.NoKindMatchError{}
	for name, tc := range map[string]struct {
		resetError, secretErr error // the API server's answers
		damage                func(*v1alpha1.PasswordReset, *unstructured.Unstructured)
		want, wantOld         error
	}{
		"both work": {},
		"an application without rights on Secrets":    {secretErr: forbidden, wantOld: ErrInvalid},
		"an application without rights on both":       {resetError: forbidden, secretErr: forbidden, want: forbidden, wantOld: forbidden},
		"an application with the earlier rights only": {resetError: forbidden, want: forbidden},
		"a cluster with the earlier CRDs":             {resetError: noKind, want: noKind},
		"both have expired": {
			damage: func(r *v1alpha1.PasswordReset, s *unstructured.Unstructured) {
				r.Spec.Tokens[1].ExpiresAt = metav1.NewTime(now)
				setSecretValue(s, secretKeyExpires, now.Format(time.RFC3339))
			}, want: ErrExpired, wantOld: ErrExpired,
		},
		"both were used": {
			damage: func(r *v1alpha1.PasswordReset, s *unstructured.Unstructured) {
				r.Status.ConsumedAt = &metav1.Time{Time: now}
				setSecretValue(s, secretKeyConsumed, "x")
			}, want: ErrConsumed, wantOld: ErrConsumed,
		},
		"the customer's address has changed": {
			damage: func(r *v1alpha1.PasswordReset, _ *unstructured.Unstructured) {
				r.Spec.AddressSHA256 = AddressHash("u", "eve@example.com")
			}, want: ErrAddressChanged,
		},
		"the customer has no address any more": {
			damage: func(r *v1alpha1.PasswordReset, _ *unstructured.Unstructured) {
				r.Spec.AddressSHA256 = AddressHash("u", "")
			},
			want: ErrAddressChanged,
		},
		"the address is not known, as in an earlier version": {
			damage: func(r *v1alpha1.PasswordReset, _ *unstructured.Unstructured) { r.Spec.AddressSHA256 = "" },
		},
		"the PasswordReset was restored": {
			damage: func(r *v1alpha1.PasswordReset, _ *unstructured.Unstructured) { r.UID = "v" }, want: ErrInvalid,
		},
	} {
		t.Run(name, func(t *testing.T) {
			reset, token, secret, oldToken := objects()
			if tc.damage != nil {
				tc.damage(reset, secret)
			}
			c := memory{reset: reset, secret: secret, resetError: tc.resetError, secretErr: tc.secretErr}
			got, err := Consume(t.Context(), c, "n", token, now)
			expect(t, "the link", err, tc.want)
			if err == nil {
				isForAda(t, got)
			}
			old, err := Consume(t.Context(), c, "n", oldToken, now)
			expect(t, "the old link", err, tc.wantOld)
			if err == nil && (old.CustomerID != "cus_Ada" || old.Address != "" || old.SentTo("")) {
				t.Errorf("the old link is for %+v", old)
			}
			if tc.want == nil {
				_, err = Consume(t.Context(), c, "n", token, now)
				expect(t, "the link again", err, ErrConsumed)
			}
			if tc.wantOld == nil {
				_, err = Consume(t.Context(), c, "n", oldToken, now)
				expect(t, "the old link again", err, ErrConsumed)
			}
		})
	}
}

func isForAda(t *testing.T, got Reset) {
	t.Helper()
	if got.CustomerID != "cus_Ada" || got.Account != "acct_1" || got.Address != "ada@example.com" ||
		!got.SentTo(" Ada@Example.com") || got.SentTo("eve@example.com") {
		t.Errorf("the link is for %+v", got)
	}
}

func expect(t *testing.T, what string, got, want error) {
	t.Helper()
	var noMatch *meta.NoKindMatchError
	same := errors.Is(got, want) || errors.As(want, &noMatch) && meta.IsNoMatchError(got)
	if !same {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
