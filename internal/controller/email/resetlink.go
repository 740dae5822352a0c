package email

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// maxTokens is how many links of one customer work at a time, as the CRD bounds them.
const maxTokens = 8

// resetLink returns a link with a new token, and adds the token's hash to the customer's PasswordReset.
//
// Every attempt has a token of its own, at random, which only its message holds: no key exists that links can be
// derived from. If it is not known whether Mailgun accepted an attempt, and the message is sent again, the links of
// both messages work. The first one that is used ends both. A link works only while the customer has the address that it
// was sent to: see the package controller/resetlink.
func (r *Reconciler) resetLink(ctx context.Context, email *storedEmail, address string) (string, error) {
	letter := r.Letter()
	link, err := url.Parse(letter.ResetURL)
	if err != nil {
		return "", errors.New("PASSWORD_RESET_URL is not a URL")
	}
	reset, err := r.passwordReset(ctx, email.customer)
	if err != nil {
		return "", err
	}
	if reset.Status.ConsumedAt != nil {
		return "", &alreadySentError{"The link of an earlier attempt was used: Mailgun has sent the message."}
	}
	token := passwordreset.NewToken(email.customer.Name)
	tokens := sentTokens(reset.Spec.Tokens, &email.Email)
	reset.Spec.AddressSHA256 = passwordreset.AddressHash(reset.UID, mail.AddressOf(email.customer))
	reset.Spec.Tokens = append([]v1alpha1.ResetToken{{
		SHA256: passwordreset.Hash(reset.UID, token), AddressSHA256: passwordreset.AddressHash(reset.UID, address),
		SealedAddress: passwordreset.Seal(reset.UID, token, address),
		ExpiresAt:     metav1.NewTime(r.Clock.Now().Add(letter.ResetTTL).UTC()),
		Attempt:       &v1alpha1.SendingAttempt{EmailUID: string(email.UID), Number: nextNumber(email.Status.Attempt)},
	}}, tokens[:min(len(tokens), maxTokens-1)]...)
	if err := r.Client.Update(ctx, reset); err != nil {
		return "", fmt.Errorf("write PasswordReset %s: %w", reset.Name, apirejection.Hide("it", err))
	}
	query := link.Query()
	query.Set(passwordreset.QueryParameter, token)
	link.RawQuery = query.Encode()
	return link.String(), nil
}

// sentTokens are the tokens without those of the Email's last attempt if Mailgun did not accept it: no message has their links. The
// Email may be an old one, if this process does not know yet what another one has done since. So the newest token need not be of the
// attempt that it shows. For example:
//
//	attempt 1 was not accepted                 its token goes
//	attempt 2 was made by another process      its token stays, and the claim of a second attempt 2 fails
func sentTokens(tokens []v1alpha1.ResetToken, email *v1alpha1.Email) []v1alpha1.ResetToken {
	last := email.Status.Attempt
	if last == nil || last.Outcome != v1alpha1.AttemptNotAccepted {
		return tokens
	}
	refused := v1alpha1.SendingAttempt{EmailUID: string(email.UID), Number: last.Number}
	return slices.DeleteFunc(slices.Clone(tokens), func(t v1alpha1.ResetToken) bool { return t.Attempt != nil && *t.Attempt == refused })
}

// passwordReset gets the customer's PasswordReset, or creates it without tokens: their hashes include its UID. One that
// belongs to a deleted Customer of the same name is replaced.
func (r *Reconciler) passwordReset(ctx context.Context, customer *v1alpha1.Customer) (*v1alpha1.PasswordReset, error) {
	reset := &v1alpha1.PasswordReset{}
	key := client.ObjectKey{Namespace: customer.Namespace, Name: passwordreset.ObjectName(customer.Name)}
	err := r.Client.Get(ctx, key, reset)
	if err == nil && !metav1.IsControlledBy(reset, customer) {
		if err := r.Client.Delete(ctx, reset, client.Preconditions{UID: &reset.UID}); client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("delete PasswordReset %s of a deleted Customer: %w", key.Name, err)
		}
		err = apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("passwordresets").GroupResource(), key.Name)
	}
	if apierrors.IsNotFound(err) {
		reset = &v1alpha1.PasswordReset{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: key.Namespace, Name: key.Name, Labels: naming.Labels("", customer.Spec.CustomerID, ""),
				OwnerReferences: []metav1.OwnerReference{naming.OwnedBy(customer)},
			},
			Spec: v1alpha1.PasswordResetSpec{
				CustomerRef: v1alpha1.ObjectReference{Name: customer.Name},
				CustomerID:  customer.Spec.CustomerID, Account: customer.Spec.Account,
			},
		}
		err = r.Client.Create(ctx, reset)
	}
	if err != nil {
		return nil, fmt.Errorf("get or create PasswordReset %s: %w", key.Name, apirejection.Hide("it", err))
	}
	return reset, nil
}
