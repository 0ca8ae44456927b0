#!/bin/sh
# What a newcomer does with each kind of data set that is read: `bench data import`, `bench run`, `bench report`, as README.md and
# docs/data.md say. Usage: newcomer.sh BENCH FOLDER [KIND]...; FOLDER must not be there. The sets have the publishers' layouts and
# headers; their images are the phantom's, two of each patient, which are alike: where a kind does not tell patients, the guard
# against copies on both sides of a split would stop the run, as it should. A kind passes when its page shows a table of gains.
set -eu
export OMP_NUM_THREADS=1
here=$(cd "$(dirname "$0")/.." && pwd)
bench=$(realpath "$1") folder=$2
shift 2
mkdir "$folder"
cd "$folder"

# Images as PNG, and a line for each: number, patient, class (covid, none or pneumonia).
make_images()
{
    "$bench" run "$here/experiments/covid_fewshot.ini" --set data.size=32 --set data.count=90 --set data.others=6 \
        --set experiment.seeds=0 --set experiment.arms=real --set experiment.shots=3 --set downstream.steps=1 --quiet \
        --out phantom > /dev/null
    "$bench" data export phantom/artifacts/dataset-* --out studies > /dev/null
    awk -F, 'NR > 1 { class = $(NF - 2) == 1 ? "covid" : $(NF - 1) == 1 ? "none" : "pneumonia"
                      printf "%d %d %s\n", NR - 1, substr($3, 2) + 1, class }' studies/manifest.csv > list
}

# image N FILE: the Nth image as DIR/FILE.
image()
{
    mkdir -p "$(dirname "$dir/$2")"
    cp "studies/images/$(printf %06d "$1").png" "$dir/$2"
}

# table FILE HEADER: what follows on stdin goes behind the header.
table()
{
    mkdir -p "$(dirname "$dir/$1")"
    { printf '%s\n' "$2"; cat; } > "$dir/$1"
}

# from AWK: a row for each image; n, p and c are its number, patient and class, s the words said of it.
from()
{
    awk '{ n = $1; p = $2; c = $3; s = c == "none" ? "No acute disease." : c == "covid" ? "Bilateral opacities." : "There is pneumonia."
           '"$1"' }' list
}

each() # each FILE: FILE is what awk makes the name of
{
    from "print n, $1" | while read -r n name; do image "$n" "$name"; done
}

make_folder() { each 'c "/" n ".png"'; }

make_manifest()
{
    each '"pictures/" n ".png"'
    from 'print "pictures/" n ".png,p" p "," s "," (c == "none" ? "none" : c)' | table manifest.csv path,patient,report,labels
}

make_nih()
{
    each 'sprintf("images_001/images/%08d_%03d.png", p, n)'
    from 'printf "%08d_%03d.png,%s,0,%d,57,M,PA,2682,2749,0.143,0.143\n", p, n,
          c == "none" ? "No Finding" : c == "covid" ? "Infiltration" : "Pneumonia|Infiltration", p' |
        table Data_Entry_2017_v2020.csv 'Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]'
    from 'if (p % 4) printf "%08d_%03d.png\n", p, n' > "$dir/train_val_list.txt"
    from 'if (p % 4 == 0) printf "%08d_%03d.png\n", p, n' > "$dir/test_list.txt"
}

chexpert_header='Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices'
make_chexpert()
{
    side='(p % 5 ? "train" : "valid")'
    file="$side sprintf(\"/patient%05d/study1/view%d_frontal.jpg\", p, n)"
    each "$file"
    for side_ in train valid; do
        from "if ($side == \"$side_\") print \"CheXpert-v1.0-small/\" $file \",Female,68,Frontal,AP,\" \
              (c == \"none\" ? \"1.0,,,,,,,,,,,,,\" : c == \"covid\" ? \",,,1.0,,,,,,,,,,\" : \",,,1.0,,,,1.0,-1.0,,,,,\")" |
            table "$side_.csv" "$chexpert_header"
    done
}

make_mimic()
{
    study='sprintf("files/p10/p1%07d/s5%07d", p, n)'
    each "$study \"/\" n \"-a.jpg\""
    from 'printf "%d-a,1%07d,5%07d,AP\n", n, p, n' |
        table mimic-cxr-2.0.0-metadata.csv dicom_id,subject_id,study_id,ViewPosition
    from 'printf "%d-a,5%07d,1%07d,%s\n", n, n, p, p % 5 ? "train" : p % 2 ? "test" : "validate"' |
        table mimic-cxr-2.0.0-split.csv dicom_id,study_id,subject_id,split
    from 'printf "1%07d,5%07d,,,,,,,,%s,%s,,,,,\n", p, n, c == "none" ? "" : "1.0", c == "none" ? "1.0" : ""' |
        table mimic-cxr-2.0.0-chexpert.csv 'subject_id,study_id,Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices'
    gzip "$dir/mimic-cxr-2.0.0-chexpert.csv"
    from "print $study, s" | while read -r name said; do
        printf ' FINAL REPORT\n\n FINDINGS:\n\n %s\n\n IMPRESSION:\n\n As above.\n' "$said" > "$dir/$name.txt"
    done
}

make_openi()
{
    each '"NLMCXR_png/CXR" n "_IM-1001.png"'
    mkdir -p "$dir/ecgen-radiology"
    from 'print n, (c == "none" ? "normal" : c == "covid" ? "Opacity/lung/bilateral" : "Pneumonia"), s' |
        while read -r n term said; do
            printf '<?xml version="1.0" encoding="utf-8"?>\n<eCitation>\n<uId id="CXR%s"/>\n<AbstractText Label="FINDINGS">%s</AbstractText>\n<MeSH><major>%s</major></MeSH>\n<parentImage id="CXR%s_IM-1001"><caption>PA</caption></parentImage>\n</eCitation>\n' \
                "$n" "$said" "$term" "$n" > "$dir/ecgen-radiology/$n.xml"
        done
}

make_openi_kaggle()
{
    each '"images/images_normalized/" n "_IM-1001.dcm.png"'
    from 'print n "," (c == "none" ? "normal" : c == "covid" ? "Opacity/lung" : "Pneumonia") ",x,Chest,Cough,None.," s ","' |
        table indiana_reports.csv uid,MeSH,Problems,image,indication,comparison,findings,impression
    from 'print n "," n "_IM-1001.dcm.png,Frontal"' | table indiana_projections.csv uid,filename,projection
}

make_cohen()
{
    each '"images/" n ".jpeg"'
    from 'print p ",0,M,65," (c == "none" ? "No Finding" : c == "covid" ? "Pneumonia/Viral/COVID-19" : "Pneumonia") \
          ",Y,Y,N,N,N,N,Y,,,,,,,PA,X-ray,2020,x,images," n ".jpeg,,,,notes,,"' |
        table metadata.csv patientid,offset,sex,age,finding,RT_PCR_positive,survival,intubated,intubation_present,went_icu,in_icu,needed_supplemental_O2,extubated,temperature,pO2_saturation,leukocyte_count,neutrophil_count,lymphocyte_count,view,modality,date,location,folder,filename,doi,url,license,clinical_notes,other_notes,
}

make_figure1()
{
    each '"images/COVID-" n ".jpg"'
    from 'print "COVID-" n ",,M,72," (c == "none" ? "No finding" : c == "covid" ? "COVID-19" : "Pneumonia") ",,,,PA,X-ray,,"' |
        table metadata.csv 'patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,artifacts/distortion,notes'
}

make_actualmed()
{
    each '"images/CR." n ".png"'
    from 'print "CR." p ",CR." n ".png," (c == "none" ? "No finding" : "COVID-19") ",PA,X-ray,"' |
        table metadata.csv patientid,imagename,finding,view,modality,notes
}

make_covidx()
{
    each '(p % 4 ? "train/" : "test/") n ".png"'
    from 'if (p % 4) print p, n ".png", c == "covid" ? "positive" : "negative", "cohen"' > "$dir/train.txt"
    from 'if (p % 4 == 0) print p, n ".png", c == "covid" ? "positive" : "negative", "cohen"' > "$dir/test.txt"
}

make_padchest()
{
    each 'n % 3 "/" n ".png"'
    from 'print n "," n ".png," n % 3 ",20140915,2053," p ",1930.0,M,PA,x,No,sin hallazgos .,Physician,[\x27" \
          (c == "none" ? "normal" : c == "covid" ? "infiltrates" : "pneumonia") "\x27]"' |
        table PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv ,ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,Projection,MethodProjection,Pediatric,Report,MethodLabel,Labels
}

make_rsna()
{
    each '"stage_2_train_images/" n ".png"'
    from 'print n "," (c == "none" ? ",,,,0" : "264.0,152.0,213.0,379.0,1")' |
        table stage_2_train_labels.csv patientId,x,y,width,height,Target
    from 'print n "," (c == "none" ? "Normal" : "Lung Opacity")' | table stage_2_detailed_class_info.csv patientId,class
    from 'printf "%s{\"subset_img_id\": \"%d\", \"img_id\": \"%08d_%03d.png\"}", NR == 1 ? "[" : ",\n", n, p, n' > "$dir/pneumonia-challenge-dataset-mappings_2018.json"
    echo ']' >> "$dir/pneumonia-challenge-dataset-mappings_2018.json"
}

make_r2gen()
{
    each '"images/CXR" p "_IM-" n "/0.png"'
    {
        printf '{'
        for side in train val test; do
            from 'side = p % 5 ? "train" : p % 2 ? "test" : "val"
                  if (side == "'$side'") printf "%s{\"id\": \"CXR%d_IM-%d\", \"report\": \"%s\", \"image_path\": [\"CXR%d_IM-%d/0.png\"], \"split\": \"%s\"}\n", \
                      k++ ? "," : "", p, n, s, p, n, side' | { printf '"%s": [' $side; cat; printf ']'; }
            [ $side = test ] || printf ','
        done
        printf '}\n'
    } > "$dir/annotation.json"
}

try_kind()
{
    kind=$1 dir=in/$1
    mkdir -p "$dir"
    "make_$(printf %s "$kind" | tr - _)"
    "$bench" data import "$kind" "$dir" --out "sets/$kind" --size 32 --quiet &&
        "$bench" run "$here/experiments/classification.ini" --preset tiny --set "data.source=packed:sets/$kind" \
            --allow near_duplicates --quiet \
            --out "results/$kind" > "results-$kind.txt" &&
        "$bench" report "results/$kind" --out "$kind.html" > /dev/null &&
        grep -q macro_auroc "$kind.html"
}

mkdir in sets
make_images
[ $# -gt 0 ] || set -- $("$bench" data import --help | sed -n '/^Kinds/,$ s/^  \([a-z0-9-]*\)  *[A-Z a].*/\1/p' | sort -u)
failed=''
for one; do
    echo "== $one"
    try_kind "$one" || failed="$failed $one"
done
[ -z "$failed" ] || { echo "newcomer: these failed:$failed" >&2; exit 1; }
echo "newcomer: all $# kinds reach their page"
