package passwordreset

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const customer = "cus-ada-77e243c3"

var (
	now       = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "x"}, "x", errors.New("no"))
)

// objects returns the PasswordReset of a new link, and the Secret of one that an earlier version sent, with the tokens
// of both.
func objects() (reset *v1alpha1.PasswordReset, token string, secret *corev1.Secret, oldToken string) {
	token, oldToken = NewToken(customer), NewToken(customer)
	name := metav1.ObjectMeta{Namespace: "n", Name: ObjectName(customer), UID: "u"}
	reset = &v1alpha1.PasswordReset{ObjectMeta: name, Spec: v1alpha1.PasswordResetSpec{
		CustomerID: "cus_Ada", Account: "acct_1", AddressSHA256: AddressHash("u", "Ada@example.com"), Tokens: []v1alpha1.ResetToken{
			{SHA256: Hash("u", NewToken(customer)), ExpiresAt: metav1.NewTime(now.Add(time.Hour))},
			{SHA256: Hash("u", token), AddressSHA256: AddressHash("u", "ada@example.com"), SealedAddress: Seal("u", token, "ada@example.com"), ExpiresAt: metav1.NewTime(now.Add(time.Hour))},
		},
	}}
	secret = &corev1.Secret{ObjectMeta: name, Data: map[string][]byte{
		"token-sha256": []byte(secretHash(oldToken)), "expires": []byte(now.Add(time.Hour).Format(time.RFC3339)), "customer-id": []byte("cus_Ada"),
	}}
	return reset, token, secret, oldToken
}

func TestConsume(t *testing.T) {
	refuse := func(kinds ...client.Object) func(client.Object) error {
		return func(o client.Object) error {
			for _, kind := range kinds {
				_, isSecret := kind.(*corev1.Secret)
				if _, got := o.(*corev1.Secret); got == isSecret {
					return forbidden
				}
			}
			return nil
		}
	}
	allow := func(client.Object) error { return nil }
	none := func(o client.Object) error {
		if _, ok := o.(*v1alpha1.PasswordReset); ok {
			return &meta.NoKindMatchError{}
		}
		return nil
	}
	for name, tc := range map[string]struct {
		access         func(client.Object) error
		withoutSecrets bool // whether the scheme lacks them
		damage         func(*v1alpha1.PasswordReset, *corev1.Secret)
		want, wantOld  error
	}{
		"both work": {access: allow},
		"an application without rights on Secrets":    {access: refuse(&corev1.Secret{}), wantOld: ErrInvalid},
		"a client that does not know Secrets":         {access: allow, withoutSecrets: true, wantOld: ErrInvalid},
		"an application without rights on both":       {access: refuse(&corev1.Secret{}, &v1alpha1.PasswordReset{}), want: forbidden, wantOld: forbidden},
		"an application with the earlier rights only": {access: refuse(&v1alpha1.PasswordReset{}), want: forbidden},
		"a cluster with the earlier CRDs":             {access: none, want: &meta.NoKindMatchError{}},
		"both have expired": {
			access: allow, damage: func(r *v1alpha1.PasswordReset, s *corev1.Secret) {
				r.Spec.Tokens[1].ExpiresAt, s.Data["expires"] = metav1.NewTime(now), []byte(now.Format(time.RFC3339))
			}, want: ErrExpired, wantOld: ErrExpired,
		},
		"both were used": {
			access: allow, damage: func(r *v1alpha1.PasswordReset, s *corev1.Secret) {
				r.Status.ConsumedAt, s.Data["consumed"] = &metav1.Time{Time: now}, []byte("x")
			}, want: ErrConsumed, wantOld: ErrConsumed,
		},
		"the customer's address has changed": {
			access: allow, damage: func(r *v1alpha1.PasswordReset, _ *corev1.Secret) {
				r.Spec.AddressSHA256 = AddressHash("u", "eve@example.com")
			}, want: ErrAddressChanged,
		},
		"the customer has no address any more": {
			access: allow, damage: func(r *v1alpha1.PasswordReset, _ *corev1.Secret) { r.Spec.AddressSHA256 = AddressHash("u", "") },
			want: ErrAddressChanged,
		},
		"the address is not known, as in an earlier version": {
			access: allow, damage: func(r *v1alpha1.PasswordReset, _ *corev1.Secret) { r.Spec.AddressSHA256 = "" },
		},
		"the PasswordReset was restored": {
			access: allow, damage: func(r *v1alpha1.PasswordReset, _ *corev1.Secret) { r.UID = "v" }, want: ErrInvalid,
		},
	} {
		t.Run(name, func(t *testing.T) {
			reset, token, secret, oldToken := objects()
			if tc.damage != nil {
				tc.damage(reset, secret)
			}
			scheme := runtime.NewScheme()
			add := []func(*runtime.Scheme) error{v1alpha1.AddToScheme}
			stored := []client.Object{reset}
			if !tc.withoutSecrets {
				add, stored = append(add, corev1.AddToScheme), append(stored, secret)
			}
			for _, f := range add {
				if err := f(scheme); err != nil {
					t.Fatal(err)
				}
			}
			c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(reset).WithObjects(stored...).WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
					if err := tc.access(o); err != nil {
						return err
					}
					return c.Get(ctx, key, o, options...)
				},
			}).Build()
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
