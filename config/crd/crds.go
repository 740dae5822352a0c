// Package crd embeds the CustomResourceDefinitions, as controller-gen writes them. It imports the standard library only.
package crd

import "embed"

// Bases holds one YAML file for each CRD under bases/.
//
//go:embed bases/*.yaml
var Bases embed.FS
