#include "formats/anonymise.h"

#include "formats/json_text.h"
#include "formats/nifti_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Fields of text in NIfTI-1 and NIfTI-2, by nifti1.h and nifti2.h; data_type, db_name and unused_str serve nobody
 * else. */
typedef struct {
    const char *name;
    size_t offset, n_bytes;
} text_field;
static const text_field texts_1[] = {{"data_type", 4, 10},  {"db_name", 14, 18},      {"descrip", 148, 80},
                                     {"aux_file", 228, 24}, {"intent_name", 328, 16}, {NULL, 0, 0}};
static const text_field texts_2[] = {{"descrip", 240, 80},
                                     {"aux_file", 320, 24},
                                     {"intent_name", 508, 16},
                                     {"unused_str", 525, 15},
                                     {NULL, 0, 0}};

/* Keys of sidecars, in any case: those that dcm2niix leaves out when it anonymises (-ba y), and what else of the Basic
 * Application Level Confidentiality Profile (DICOM PS3.15, annex E) dcm2niix, dcmstack and BIDS name. */
static const char *const identifying[] = {"AccessionNumber",
                                          "AcquisitionDate",
                                          "AcquisitionDateTime",
                                          "AcquisitionTime",
                                          "AdditionalPatientHistory",
                                          "AdmissionID",
                                          "ContentDate",
                                          "ContentTime",
                                          "CountryOfResidence",
                                          "DeviceSerialNumber",
                                          "DeviceUID",
                                          "EthnicGroup",
                                          "FrameOfReferenceUID",
                                          "ImageComments",
                                          "InstanceCreationDate",
                                          "InstanceCreationTime",
                                          "InstitutionAddress",
                                          "InstitutionName",
                                          "InstitutionalDepartmentName",
                                          "IssuerOfPatientID",
                                          "MedicalRecordLocator",
                                          "NameOfPhysiciansReadingStudy",
                                          "Occupation",
                                          "OperatorsName",
                                          "OtherPatientIDs",
                                          "OtherPatientNames",
                                          "PatientAddress",
                                          "PatientAge",
                                          "PatientBirthDate",
                                          "PatientBirthName",
                                          "PatientBirthTime",
                                          "PatientComments",
                                          "PatientID",
                                          "PatientMotherBirthName",
                                          "PatientName",
                                          "PatientReligiousPreference",
                                          "PatientSex",
                                          "PatientSize",
                                          "PatientTelephoneNumbers",
                                          "PatientWeight",
                                          "PerformedProcedureStepID",
                                          "PerformedProcedureStepStartDate",
                                          "PerformedProcedureStepStartTime",
                                          "PerformedStationName",
                                          "PerformingPhysicianName",
                                          "PhysiciansOfRecord",
                                          "ProtocolDateTime",
                                          "ReferringPhysicianAddress",
                                          "ReferringPhysicianName",
                                          "RegionOfResidence",
                                          "RequestingPhysician",
                                          "RequestingService",
                                          "SOPInstanceUID",
                                          "SeriesDate",
                                          "SeriesInstanceUID",
                                          "SeriesTime",
                                          "StationName",
                                          "StudyComments",
                                          "StudyDate",
                                          "StudyID",
                                          "StudyInstanceUID",
                                          "StudyTime"};

static bool is_listed(const char *list, const char *name) {
    const size_t n = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ',' || at[n] == '\0')) return true;
    return false;
}

static void add_name(char list[SIREN_ANONYMISED_CHARS], const char *name) {
    const size_t n = strlen(list);
    if (is_listed(list, name) || is_listed(list, "...")) return;
    if (n + strlen(name) + 8 > SIREN_ANONYMISED_CHARS) name = "...";
    snprintf(list + n, SIREN_ANONYMISED_CHARS - n, "%s%s", n ? ", " : "", name);
}

static bool holds_bytes(const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (bytes[i]) return true;
    return false;
}

/* The header without what stands between it and the voxels, but for the four bytes that say there is nothing. */
static siren_status cut_extensions(siren_series *series, siren_anonymised *told) {
    siren_geometry *g = &series->geometry;
    const siren_nifti_layout *layout = &siren_nifti_layouts[g->version - 1];
    const size_t kept = layout->bytes + 4, before = (size_t)g->voxel_offset;
    if (before < kept || !holds_bytes(series->header + layout->bytes, before - layout->bytes))
        return SIREN_OK;
    uint8_t *cut = NULL;
    SIREN_TRY(siren_allocate(&cut, kept, 1, "a header"));
    memcpy(cut, series->header, layout->bytes); /* the four bytes are zero */
    if (layout->vox_offset.kind == SIREN_FIELD_F32)
        siren_nifti_put_real(cut, layout->vox_offset, 0, g->swapped, (double)kept);
    else
        siren_nifti_put_integer(cut, layout->vox_offset, 0, g->swapped, (int64_t)kept);
    free(series->header);
    series->header = cut;
    g->voxel_offset = kept;
    told->n_extension_bytes += before > kept ? before - kept : kept - layout->bytes;
    return SIREN_OK;
}

siren_status siren_anonymise_series(siren_series *series, siren_anonymised *told) {
    SIREN_TRY(cut_extensions(series, told));
    for (const text_field *f = series->geometry.version == 2 ? texts_2 : texts_1; f->name; f++) {
        if (!holds_bytes(series->header + f->offset, f->n_bytes)) continue;
        memset(series->header + f->offset, 0, f->n_bytes);
        add_name(told->fields, f->name);
    }
    told->n_tail += series->n_tail;
    free(SIREN_TAKE(series->tail));
    series->n_tail = 0;
    return SIREN_OK;
}

static bool identifies(void *user, const char *key) {
    siren_anonymised *told = user;
    for (size_t i = 0; i < sizeof identifying / sizeof *identifying; i++) {
        if (strcasecmp(identifying[i], key) != 0) continue;
        add_name(told->keys, identifying[i]);
        return true;
    }
    return false;
}

siren_status siren_anonymise_sidecar(const char *name, const uint8_t *bytes, size_t n_bytes,
                                     siren_anonymised *told, uint8_t **out, size_t *n_out) {
    siren_status status = siren_json_text_drop(name, bytes, n_bytes, identifies, told, out, n_out);
    if (status != SIREN_CORRUPT) return status;
    char reason[SIREN_MESSAGE_BYTES];
    snprintf(reason, sizeof reason, "%s", siren_message());
    return siren_fail(status, "%s; nothing identifying can be taken out of it: correct it or move it away",
                      reason);
}

static void add_part(char *out, size_t size, const char *before, const char *text) {
    const size_t n = strlen(out);
    if (n < size) snprintf(out + n, size - n, "%s%s%s", n ? "; " : "", before, text);
}

char *siren_anonymised_text(const siren_anonymised *told, char out[SIREN_ANONYMISED_TEXT]) {
    char bytes[64];
    *out = '\0';
    if (*told->fields) add_part(out, SIREN_ANONYMISED_TEXT, "", told->fields);
    snprintf(bytes, sizeof bytes, "%zu bytes of extensions", told->n_extension_bytes);
    if (told->n_extension_bytes) add_part(out, SIREN_ANONYMISED_TEXT, "", bytes);
    snprintf(bytes, sizeof bytes, "%zu bytes after the voxels", told->n_tail);
    if (told->n_tail) add_part(out, SIREN_ANONYMISED_TEXT, "", bytes);
    if (*told->keys) add_part(out, SIREN_ANONYMISED_TEXT, "of the JSON ", told->keys);
    if (!*out) add_part(out, SIREN_ANONYMISED_TEXT, "", "nothing was there to take out");
    return out;
}

bool siren_anonymised_header(const siren_anonymised *told) {
    return *told->fields || told->n_extension_bytes > 0;
}
