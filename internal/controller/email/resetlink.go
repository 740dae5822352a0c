package email

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// resetKeySecret holds the key that reset tokens are derived from. So a message that is sent again carries the same
// link.
const (
	resetKeySecret = "tollkeeper-reset-key"
	resetKey       = "key"
	// resetKeyType is the Secret's type. An admission policy limits the operator to it and to passwordreset.SecretType.
	resetKeyType corev1.SecretType = "billing.tollkeeper.dev/reset-key"
)

// blockedError is what keeps a message from being composed: the reason and message of the condition Sent.
type blockedError struct{ reason, message string }

func (e *blockedError) Error() string { return e.message }

// resetLink returns a link with a token, and writes the Secret that the application checks the token against.
func (r *Reconciler) resetLink(ctx context.Context, email *v1alpha1.Email, customer *v1alpha1.Customer) (string, error) {
	if r.Letter.ResetURL == "" {
		return "", &blockedError{v1alpha1.ReasonNoResetURL, "The page for new passwords is not configured: set PASSWORD_RESET_URL."}
	}
	link, err := url.Parse(r.Letter.ResetURL)
	if err != nil {
		return "", errors.New("PASSWORD_RESET_URL is not a URL")
	}
	key, err := r.resetKey(ctx, email.Namespace)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "password-reset\x00%s\x00%s", email.UID, customer.UID)
	token := passwordreset.NewToken(customer.Name, mac.Sum(nil))
	if err := r.storeToken(ctx, customer, token); err != nil {
		return "", err
	}
	query := link.Query()
	query.Set(passwordreset.QueryParameter, token)
	link.RawQuery = query.Encode()
	return link.String(), nil
}

// resetKey returns the key that tokens are derived from. It is created when it is first needed.
func (r *Reconciler) resetKey(ctx context.Context, namespace string) ([]byte, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: namespace, Name: resetKeySecret}
	err := r.Reader.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) {
		fresh := make([]byte, sha256.Size)
		_, _ = rand.Read(fresh) // it never fails
		secret = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: resetKeySecret},
			Type:       resetKeyType, Data: map[string][]byte{resetKey: fresh},
		}
		err = r.Client.Create(ctx, secret, client.DisableReadYourWritesConsistency)
		if apierrors.IsAlreadyExists(err) {
			err = r.Reader.Get(ctx, key, secret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("get or create Secret %s: %w", resetKeySecret, err)
	}
	if len(secret.Data[resetKey]) < sha256.Size {
		return nil, fmt.Errorf("the Secret %s holds no key of %d bytes under %q: delete it, and the operator creates a new one", resetKeySecret, sha256.Size, resetKey)
	}
	return secret.Data[resetKey], nil
}

// storeToken writes the customer's Secret, with the token's hash and never the token itself. A consumed token stays
// consumed.
func (r *Reconciler) storeToken(ctx context.Context, customer *v1alpha1.Customer, token string) error {
	data := map[string][]byte{
		passwordreset.KeyHash:     []byte(passwordreset.Hash(token)),
		passwordreset.KeyExpires:  []byte(r.Clock.Now().Add(r.Letter.ResetTTL).UTC().Format(time.RFC3339)),
		passwordreset.KeyCustomer: []byte(customer.Spec.CustomerID),
	}
	secret := &corev1.Secret{Type: passwordreset.SecretType, ObjectMeta: metav1.ObjectMeta{
		Namespace: customer.Namespace, Name: passwordreset.SecretName(customer.Name), OwnerReferences: []metav1.OwnerReference{naming.OwnedBy(customer)},
	}}
	err := r.Reader.Get(ctx, client.ObjectKeyFromObject(secret), secret)
	switch {
	case apierrors.IsNotFound(err):
		secret.Data = data
		err = r.Client.Create(ctx, secret, client.DisableReadYourWritesConsistency)
	case err == nil && len(secret.Data[passwordreset.KeyConsumed]) == 0:
		secret.Data = data
		err = r.Client.Update(ctx, secret, client.DisableReadYourWritesConsistency)
	}
	if err != nil {
		return fmt.Errorf("write Secret %s: %w", secret.Name, err)
	}
	return nil
}
