{{/* Name of everything in this chart. The Lease's name is fixed in the program: two releases must never both lead. */}}
{{- define "marsad.name" -}}
marsad-operator
{{- end }}

{{- define "marsad.selector" -}}
app.kubernetes.io/name: marsad-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "marsad.labels" -}}
{{ include "marsad.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: marsad
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
