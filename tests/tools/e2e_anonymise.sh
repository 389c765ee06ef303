# --anonymise: texts and extensions of headers, bytes after the voxels and what identifies in sidecars are not in the archive, which is held
# to nibabel and to a search for each secret; all else comes back as it was, and what was taken out is told.
source "$(dirname "$0")/../common.sh"
needs_python nibabel,numpy
"$python" - <<'PY'
import json, numpy, nibabel
from nibabel.nifti1 import Nifti1Extension
rng = numpy.random.default_rng(3)
voxels = rng.integers(0, 300, (12, 10, 3, 4))
for kind, name in ((nibabel.Nifti1Image, "one"), (nibabel.Nifti2Image, "two")):
    for order in "<>":
        header = kind.header_class(endianness=order)
        header.set_data_dtype(numpy.dtype(order + "i2"))
        image = kind(voxels.astype(order + "i2"), numpy.diag([2, 2, 3, 1]), header)
        image.header["descrip"] = b"SECRETdescrip"
        image.header["aux_file"] = b"SECRETaux"
        image.header["intent_name"] = b"SECRETintent"
        if kind is nibabel.Nifti1Image:
            image.header["db_name"] = b"SECRETdb"
        image.header.extensions.append(Nifti1Extension("comment", b"SECRETextension"))
        image.header.set_slope_inter(0.5, 7)
        path = f"{name}{'l' if order == '<' else 'b'}.nii"
        nibabel.save(image, path)
        open(path, "ab").write(b"SECRETtail" * 3)
open("onel.json", "w").write("""{
  "PatientName": "SECRETname", "EchoTime": 0.0890,
  // SECRETcomment
  "patientid": "SECRETid",
  "Patient\\u0042irthDate": "SECRETdate",
  "global": {"const": {"StudyInstanceUID": "SECRETuid", "Rows": 128}, "AccessionNumber": {"a": ["SECRETaccession", "}\\\\\\""]}},
  "ImageType": ["ORIGINAL", {"OperatorsName": "SECRETnested", "x": [1, 2.50, -0.0e1]}],
  "Last": "kept, \\"PatientName\\": not a key", "StationName": "SECRETstation"
}
""")
PY
search() { ! { "$sirencl" decompress --quiet --device host "$1" found.nii --force && cat "$1" found.*; } | grep -a SECRET || fail "$1 holds $(cat found.* | grep -ao 'SECRET[a-z]*' | sort -u | xargs)"; }

for name in onel oneb twol twob; do
    run "$sirencl" compress --lossless --anonymise $name.nii $name.siren
    grep -q '^  anonymised .*descrip, aux_file, intent_name' stdout.txt && grep -q '30 bytes after the voxels' stdout.txt &&
        grep -q 'bytes of extensions' stdout.txt && grep -q 'the header is not that of the image byte for byte' stdout.txt || fail "not told: $(cat stdout.txt)"
    search $name.siren
    "$python" - $name <<'PY' || fail "$name: more than texts changed"
import sys, nibabel, numpy
was, now = nibabel.load(sys.argv[1] + ".nii"), nibabel.load("found.nii")
assert (was.get_fdata() == now.get_fdata()).all() and (was.affine == now.affine).all() and not now.header.extensions
assert was.dataobj.slope == now.dataobj.slope == 0.5 and was.get_data_dtype() == now.get_data_dtype()
texts = {"descrip", "aux_file", "intent_name", "db_name", "data_type", "unused_str"}
for key in was.header.keys():
    if key == "vox_offset" or was.header[key].tobytes() == now.header[key].tobytes(): continue
    assert key in texts and not now.header[key].tobytes().strip(b"\0"), key
assert now.header["vox_offset"] in (0, {348: 352, 540: 544}[int(now.header["sizeof_hdr"])])
PY
done
grep -q 'of the JSON PatientName' <("$sirencl" compress --lossless --anonymise onel.nii again.siren) || fail "keys are not told"
"$sirencl" decompress --quiet --device host onel.siren found.nii --force
"$python" - <<'PY' || fail "the sidecar: $(cat found.json)"
import json
assert json.load(open("found.json")) == {"EchoTime": 0.089, "global": {"const": {"Rows": 128}}, "ImageType": ["ORIGINAL", {"x": [1, 2.5, 0]}],
                                         "Last": 'kept, "PatientName": not a key'}
PY
grep -q '0.0890' found.json && grep -q -- '-0.0e1' found.json || fail "a number was written anew: $(cat found.json)"

# Where there is nothing to take out, the file comes back byte for byte.
phantom plain.nii --dims 12x10x2 --shells 0:1,1000:2
"$python" -c 'd = bytearray(open("plain.nii", "rb").read()); d[148:228] = bytes(80); open("plain.nii", "wb").write(d)'
run "$sirencl" compress --lossless --anonymise plain.nii plain.siren
grep -q 'nothing was there to take out' stdout.txt && grep -q 'the header is that of the image byte for byte' stdout.txt || fail "nothing: $(cat stdout.txt)"
run "$sirencl" decompress --device host plain.siren found.nii --force
cmp plain.nii found.nii || fail "an image without secrets came back as another"

# With a bound and, where there is a device, networks store no more; nor do several files, JSON and a pipe; without the option all is stored.
run "$sirencl" compress --max-error 9 --anonymise onel.nii ratio.siren
search ratio.siren
! has_device || { run "$sirencl" compress --anonymise --width 16 --layers 1 --epochs 2 onel.nii network.siren; search network.siren
    for part in 1 2; do run "$sirencl" compress --anonymise --width 16 --layers 1 --epochs 2 --part $part/2 onel.nii part.siren; done
    grep -q '^  anonymised ' stdout.txt || fail "a part does not tell: $(cat stdout.txt)"
    run "$sirencl" join part.part-*.siren joined.siren
    cmp joined.siren network.siren || fail "parts joined differ"; }
run "$sirencl" compress --lossless --anonymise onel.nii twob.nii -o several
for archive in several/*.siren; do search "$archive"; done
run "$sirencl" compress --lossless --anonymise --json onel.nii json.siren
"$python" -c 'import json; d = json.load(open("stdout.txt"))["anonymised"]; assert "PatientName" in d["sidecar_keys"] and d["bytes_after_voxels"] == 30 and not d["header_is_original"], d' || fail "--json: $(cat stdout.txt)"
expect 0 '' bash -c "cat twob.nii | '$sirencl' compress --lossless --anonymise - piped.siren"
search piped.siren
run "$sirencl" compress --lossless onel.nii whole.siren
run "$sirencl" decompress --device host whole.siren back.nii
cmp onel.nii back.nii && cmp onel.json back.json || fail "without --anonymise something is missing"

# A sidecar that is no JSON cannot be cleaned, and is not stored as it is.
cp onel.nii broken.nii && echo '{"PatientName": "SECRET",' >broken.json
expect 3 'nothing identifying can be taken out of it' "$sirencl" compress --lossless --anonymise broken.nii broken.siren
[ ! -e broken.siren ] || fail "an archive of what could not be cleaned"

# A data set: sidecars lose their keys where they lie beside archives, too.
"$python" "$root/tests/tools/datasets/bids_dataset.py" ds
run "$sirencl" compress --bids ds out --lossless --anonymise
grep -q '^1 header anonymised' stdout.txt && grep -q 'PatientName' out/sirencl.tsv || fail "not told: $(cat stdout.txt out/sirencl.tsv)"
run "$sirencl" decompress --bids out back --device host
! { cat out/dwi.json out/sub-01/dwi/*; gzip -dc back/sub-01/dwi/*.nii.gz; } | grep -aE 'Doe|007|Patient' || fail "a data set holds what identifies"
run "$sirencl" compare ds/sub-01/dwi/sub-01_dwi.nii.gz back/sub-01/dwi/sub-01_dwi.nii.gz
grep -q '^maximal error *0$' stdout.txt || fail "other voxels: $(cat stdout.txt)"
echo "all checks passed"
