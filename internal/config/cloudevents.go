package config

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// Standard Webhooks bounds the bytes of a secret.
// See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme.
const (
	leastSigningSecret = 24
	mostSigningSecret  = 64
	signingPrefix      = "whsec_"
)

// cloudEventsSecrets decodes the list. Only the controllers sign. For isUnread see endpointSecrets.
func (c *Config) cloudEventsSecrets(list string, isUnread bool) ([][]byte, error) {
	if c.CloudEventsSink == "" || !c.Components.Controllers || list == "" && isUnread {
		return nil, nil
	}
	return SigningSecrets(list)
}

// SigningSecrets decodes the comma-separated list of secrets that sign the notifications.
func SigningSecrets(list string) ([][]byte, error) {
	if list == "" {
		return nil, fmt.Errorf("%s is not set, and --cloudevents-sink is: generate one, such as whsec_$(openssl rand -base64 32), "+
			"and give it to the receiver of the notifications too", EnvCloudEventsSigningSecret)
	}
	entries := strings.Split(list, ",")
	if len(entries) > maxSecrets {
		return nil, tooMany(EnvCloudEventsSigningSecret, len(entries))
	}
	secrets := make([][]byte, 0, len(entries))
	for i, entry := range entries {
		encoded, isPrefixed := strings.CutPrefix(strings.TrimSpace(entry), signingPrefix)
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if !isPrefixed || err != nil || len(secret) < leastSigningSecret || len(secret) > mostSigningSecret {
			return nil, fmt.Errorf("%s: entry %d of %d is not whsec_ and %d to %d bytes in base64: generate one, such as whsec_$(openssl rand -base64 32)",
				EnvCloudEventsSigningSecret, i+1, len(entries), leastSigningSecret, mostSigningSecret)
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// SigningSecretText is a secret in the form that SigningSecrets decodes.
func SigningSecretText(secret []byte) string {
	return signingPrefix + base64.StdEncoding.EncodeToString(secret)
}

// sinkURL validates the URL of the sink. A notification holds ids and what was bought, and a signature that lets nobody change
// it: within the cluster it may go over http.
func sinkURL(value string) error {
	const name = "--cloudevents-sink"
	u, err := url.Parse(value)
	if value == "" || err == nil && u.Scheme == "http" && isInCluster(u.Hostname()) {
		err = nil
	} else {
		err = secureURL(name, value, "customers' entitlements are posted there")
	}
	if err == nil && u != nil && (u.User != nil || u.Fragment != "") {
		return fmt.Errorf("%s must not have a user or a fragment: remove it. The signature says who posts", name)
	}
	return err
}

// isInCluster reports whether the host is a Service of the cluster, which other networks do not resolve.
func isInCluster(host string) bool {
	return strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".svc.cluster.local")
}
