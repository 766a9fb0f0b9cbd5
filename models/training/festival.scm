; What festival.py runs inside Festival: speaks one text and prints its phones.

(define (select name stretch pitch deviation)
  "The voice of that name at a pace and a pitch, with nothing left of the voice before it."
  (eval (list (intern (string-append "voice_" name))))
  (set! after_synth_hooks nil)
  (if (string-equal (Parameter.get 'Synth_Method) "HTS")
      (set! hts_engine_params (cons (list "-r" (/ 1 stretch)) hts_engine_params))
      (begin
        (Parameter.set 'Duration_Stretch stretch)
        (set! int_lr_params
              (list (list 'target_f0_mean pitch)
                    (list 'target_f0_std deviation)
                    (assoc 'model_f0_mean int_lr_params)
                    (assoc 'model_f0_std int_lr_params))))))

(define (number_words token number)
  "Gives the words of each token, that is of each written word, the number of that token; the first is 1."
  (if token
      (begin
        (mapcar (lambda (word) (item.set_feat word "written" number)) (item.daughters token))
        (number_words (item.next token) (+ 1 number)))))

(define (print_phone segment)
  "A phone, its end in seconds and the number of the written word that it belongs to, 0 for none."
  (format t "phone %s %f %d\n"
          (item.name segment)
          (item.feat segment "end")
          (item.feat segment "R:SylStructure.parent.parent.written")))

(define (render text name stretch pitch deviation path)
  "Speaks the text into a RIFF file and prints its phones."
  (select name stretch pitch deviation)
  (let ((utterance (utt.synth (eval (list 'Utterance 'Text text)))))
    (number_words (utt.relation.first utterance 'Token) 1)
    (utt.save.wave utterance path 'riff)
    (mapcar print_phone (utt.relation.items utterance 'Segment))))

(define (finish)
  "Ends an answer, also that of a call which failed.

Garbage is collected here since Festival crashes now and then if it has to do so within an utterance."
  (gc)
  (format t "end\n")
  (fflush nil))
