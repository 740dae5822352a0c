// Package rbac embeds the roles of the operator's account. It imports the standard library only.
package rbac

import "embed"

// Roles holds the Roles whose rights the operator needs to run.
//
//go:embed role.yaml leader_election_role.yaml
var Roles embed.FS
